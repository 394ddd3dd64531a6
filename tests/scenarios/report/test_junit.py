"""junit.xml says the same as the report, in the words of CI systems."""

from xml.etree import ElementTree

from scenarios.report.junit import junit
from scenarios.report.model import Verdict
from tests.scenarios.report.sample import sample


def parsed(text: str) -> ElementTree.Element:
    """The file as a CI system reads it."""
    return ElementTree.fromstring(text)  # noqa: S314 - our own text, made in this process


def cases(text: str) -> dict[str, ElementTree.Element]:
    """Test cases by name."""
    return {case.get("name", ""): case for case in parsed(text).iter("testcase")}


def test_one_case_for_each_promise():
    """Each invariant and each SLA is a test case, and one says that the run settled and proved enough."""
    report = sample()

    found = cases(junit(report))

    assert len(found) == len(report.invariants) + len(report.slas) + 1
    assert not any(list(case) for case in found.values())


def test_failures_and_unknowns():
    """Violated and missed are failures with the text a person needs; unknown is skipped with its reason."""
    root = parsed(junit(sample(bad=True)))
    found = cases(junit(sample(bad=True)))
    violated, missed = found["S1 at most once"].find("failure"), found["approval to ledger p99"].find("failure")
    skipped = found["S13 status truth"].find("skipped")

    assert violated is not None
    assert "913.37 EUR" in (violated.text or "")
    assert missed is not None
    assert missed.get("message") == "16 h 56 min, wanted at most 14 h"
    assert "rows" in (missed.text or "")
    assert skipped is not None
    assert skipped.get("message") == "unknown: the PSA was never told anything"
    suite = root.find("testsuite")
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["20", "2", "0", "1"]


def test_seed_and_digest_are_properties():
    """Who finds a red run in CI finds the seed and the digest beside it."""
    report = sample()
    properties = {p.get("name"): p.get("value") for p in parsed(junit(report)).iter("property")}

    assert properties["seed"] == "42"
    assert properties["digest"] == report.digest
    assert properties["again"].startswith("springtide simulate month_end_emea --seed 42")


def test_a_run_that_did_not_settle_is_not_green():
    """Exit 4 and 5 are errors even when every promise that was checked held."""
    report = sample()
    report.verdict = Verdict(4, "unsettled", "The run did not settle: 3 rows are in doubt.")

    case = cases(junit(report))["the run settled and proved enough"]

    assert [child.tag for child in case] == ["error"]


def test_hostile_names_are_still_xml():
    """Control characters, which XML forbids, and markup in names do not break the file."""
    report = sample(bad=True)
    report.scenario = report.findings[0].text = '<&"\x00\x0b\ud800]]>'
    report.invariants[0].examples = ["\x1b[2J"]

    text = junit(report)

    assert text.encode("utf-8")
    assert "S1 at most once" in cases(text)
