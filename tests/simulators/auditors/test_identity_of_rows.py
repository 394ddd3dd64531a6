"""S14: no key for two rows, no row with another row's line."""

import pytest

from simulators.evidence import KeyClash
from tests.simulators.auditors.books import Books, at
from tests.simulators.systems.an_erp import Bench, profile, reversal, row


def test_the_line_of_another_row_is_found():
    """The runtime took E for applied as the line of F: both rows are named by their keys."""
    books = Books()
    first, second = books.good("E"), books.good("F")
    books.evidence.ledger_ids += [(first.key, first.line_id), (second.key, second.line_id)]
    assert books.violated() == []
    books.evidence.ledger_ids.append((first.key, second.line_id))
    assert books.violated() == ["S14"]
    assert [(f.entry_id, f.text) for f in books.audit()["S14"].examples] == [
        ("F", f"row {first.key} is known as {second.line_id}, which belongs to {second.key}")
    ]


def test_a_ledger_id_of_nothing_is_found():
    """What is recorded as applied has a line in the ledger, and no other word for it will do."""
    books = Books()
    books.evidence.ledger_ids.append((books.good("E").key, ""))
    assert books.violated() == ["S14"]


def test_a_line_by_hand_belongs_to_its_entry():
    """A person's line is taken over for the entry it names, and for no other; a line of ours is nobody's by hand."""
    books = Books()
    books.approve("E")
    line = books.post("E", by_hand=True, key="")
    books.end("E", "posted", told="posted")
    books.evidence.adopted.append(("E", line.line_id))
    assert books.violated() == []
    books.evidence.adopted.append(("G0", line.line_id))
    books.evidence.adopted.append(("G0", books.evidence.lines[0].line_id))
    assert books.violated() == ["S14"]
    assert books.audit()["S14"].violations == 2


@pytest.mark.parametrize(
    ("longest", "folded", "wrong"), [(4, False, 0), (None, True, 0), (None, False, 1), (3, True, 1)]
)
def test_keys_are_compared_as_the_erp_keeps_them(longest: int | None, folded: bool, wrong: int):
    """A line under a key that was cut or folded is the row's own; under one that was not it is a stranger's."""
    books = Books()
    line = books.good("E")
    line.key = "abcd"
    books.evidence.key_length_max, books.evidence.key_case_folded = longest, folded
    books.evidence.ledger_ids.append(("ABCD" if folded else "abcdef", line.line_id))
    assert books.audit()["S14"].violations == wrong


def test_a_key_for_two_rows_is_found():
    """What the ERP wrote down about a clash is told with both rows."""
    books = Books()
    books.evidence.key_clashes.append(KeyClash("K", "E", 2, "post", ("E", 1, "post"), at(20)))
    assert books.violated() == ["S14"]
    assert "is kept for E version 1 (post)" in books.audit()["S14"].examples[0].text


def clashes(bench: Bench) -> list[tuple[str, int, str]]:
    """The second row of each clash."""
    return [(clash.entry_id, clash.version, clash.leg) for clash in bench.evidence.key_clashes]


@pytest.mark.parametrize("manner", ["error_not_stored", "none", "key_body_ignored", "upsert_by_external_id"])
@pytest.mark.parametrize(
    "second", [row("TS-2"), row("TS-1", version=2), reversal(row("TS-1"))], ids=["entry", "version", "leg"]
)
def test_the_erp_writes_down_a_key_that_comes_for_another_row(manner: str, second: dict[str, object]):
    """Another entry, version or leg under a key that has a line, however this ERP treats keys."""
    bench = Bench(profile(idempotency=manner))
    bench.post(row("TS-1") | {"key": "K"})
    bench.post(row("TS-1") | {"key": "K"})
    assert clashes(bench) == []
    bench.post(second | {"key": "K"})
    assert clashes(bench) == [(second["entry_id"], second["version"], second["leg"])]


def test_keys_that_become_one_are_written_down():
    """Two long keys that are the same once they are cut, and two that differ in capitals alone."""
    cut = Bench(profile(key_length_max=3))
    cut.post(row("TS-1", key="abc-1"), row("TS-2", key="abc-2"), row("TS-3", key="abd-3"))
    folded = Bench(profile(key_case_folded=True))
    folded.post(row("TS-1", key="K"), row("TS-2", key="k"))
    assert clashes(cut) == clashes(folded) == [("TS-2", 1, "post")]


def test_a_rejected_row_gives_its_key_up():
    """What the import rejected holds no key: a row may come under it that is another one."""
    bench = Bench(profile(staging={"shortest_ms": 1, "longest_ms": 1, "rejected_ppm": 1_000_000}))
    bench.post(row("TS-1", key="K"))
    bench.post(row("TS-2", key="K"), at_ms=1_000)
    assert clashes(bench) == []
