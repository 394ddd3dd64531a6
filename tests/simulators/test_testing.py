"""The pytest plugin: what other teams' tests get, tried as they would use it, in a pytest of their own."""

import re
from pathlib import Path

import pytest

DOC = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
pytest_plugins = ["pytester"]

INTEGRATION = '''
"""An integration of a stranger: it prices by the easy list, posts each entry, and asks before it sends again."""

import json
from decimal import ROUND_HALF_UP, Decimal

MINOR = {"EUR": 2, "JPY": 0}


class Careful:
    def __init__(self, call, reference):
        self.call, self.rates = call, []
        for event in map(json.loads, reference):
            self.rates += event.get("lines", [])

    def key(self, entry):
        return f"{entry['entry_id']}/{entry['version']}"

    def row(self, entry):
        made = {name: entry[name] for name in ("entry_id", "version", "project", "worker", "work_date", "quantity")}
        made |= {"key": self.key(entry), "leg": "post", "accounting_date": entry["work_date"], "unit": "hour"}
        for kind in ("bill", "cost"):
            rate = next(
                one for one in self.rates
                if (one["kind"], one["scope_key"]) == (kind, f"{entry['home_entity']}|{entry['role']}")
                and one["valid_from"] <= entry["work_date"] < (one["valid_until"] or "9999")
            )
            exact = Decimal(rate["rate"]) * Decimal(entry["quantity"]) * 10 ** MINOR[rate["currency"]]
            if kind == "bill" and not entry["billable"]:
                exact = Decimal(0)
            made[f"{kind}_minor"] = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
            made[f"{kind}_currency"] = rate["currency"]
        return made

    def take(self, body):
        entry = json.loads(body)["entry"]
        batch = json.dumps({"rows": [self.row(entry)]}).encode()
        while True:
            try:
                return self.call("POST", f"/ledger/{entry['home_entity']}/batches", batch, timeout_s=5)
            except TimeoutError:
                continue


class Hasty(Careful):
    tries = 0

    def key(self, entry):
        self.tries += 1
        return f"attempt-{self.tries}"

    def take(self, body):
        entry = json.loads(body)["entry"]
        for _ in range(3):
            batch = json.dumps({"rows": [self.row(entry)]}).encode()
            try:
                return self.call("POST", f"/ledger/{entry['home_entity']}/batches", batch, timeout_s=5)
            except TimeoutError:
                continue
'''

THEIR_TESTS = """
import pytest
from integration import Careful, Hasty
from simulators.faults.network import LostReply
from simulators.faults.verdicts import LoseTheReply
from simulators.systems.erp_profile import Quota


@pytest.mark.parametrize("made", [Careful, Hasty])
def test_lost_replies(made, springtide_world, springtide_erp, springtide_faults, springtide_clock, springtide_auditor):
    springtide_faults.strike("post", LoseTheReply(), times=2)
    before = springtide_clock.time()
    mine = made(springtide_erp.call, springtide_world.reference_events())
    for event in springtide_world.approve(10):
        mine.take(event.body)
    assert len(springtide_faults.struck) == 2
    assert springtide_clock.time() - before >= 10
    springtide_auditor.assert_clean()


def test_chance(springtide_world, springtide_erp, springtide_faults, springtide_auditor, springtide_firm):
    springtide_faults.by_chance(LostReply(ppm=300_000))
    mine = Careful(springtide_erp.call, springtide_world.reference_events())
    for event in springtide_world.approve(30):
        mine.take(event.body)
    assert springtide_faults.struck
    assert {one.code for one in springtide_firm.entities} == {"DE01", "JP01"}
    springtide_auditor.assert_clean()


def test_nothing_was_looked_at(springtide_auditor):
    with pytest.raises(AssertionError, match="nothing is proved"):
        springtide_auditor.assert_clean()


def test_a_correction_that_nobody_carries_is_wrong(springtide_world, springtide_erp, springtide_auditor):
    mine = Careful(springtide_erp.call, springtide_world.reference_events())
    [event] = springtide_world.approve(1)
    mine.take(event.body)
    assert len(springtide_world.lines(event.entry_id)) == 1
    springtide_auditor.assert_clean()
    springtide_world.correct(event.entry_id)
    assert springtide_auditor.audit()["wrong_amount"] == 1
    springtide_world.withdraw(event.entry_id)
    with pytest.raises(AssertionError, match="wrong_amount"):
        springtide_auditor.assert_clean()


def test_what_is_parked_is_not_lost(springtide_world, springtide_auditor):
    [event] = springtide_world.approve(1)
    assert springtide_auditor.audit()["lost"] == 1
    springtide_auditor.parked(event.entity, event.entry_id, 1, "no rate")
    assert springtide_auditor.audit()["lost"] == 0


def test_maintenance_and_time(springtide_erp, springtide_psa, springtide_faults, springtide_clock):
    springtide_faults.away(60)
    answer = springtide_erp.call("GET", "/ledger/DE01/lines?by=key&names=x")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    rung = []
    springtide_clock.after(30, lambda: rung.append(springtide_clock.now_ms))
    springtide_clock.sleep(60)
    assert len(rung) == 1
    assert springtide_erp.call("GET", "/ledger/DE01/lines?by=key&names=x").status == 200
    assert springtide_psa.call("GET", "/published?entity=DE01&since_ms=0").status == 200


class TestAnotherFirm:
    @pytest.fixture
    def springtide_settings(self, springtide_settings):
        erp = springtide_settings.erp.model_copy(update={"quota": Quota(calls=1, window_ms=60_000)})
        return springtide_settings.model_copy(update={"erp": erp})

    def test_its_quota_holds(self, springtide_erp):
        calls = [springtide_erp.call("GET", "/ledger/DE01/lines?by=key&names=x").status for _ in range(2)]
        assert calls == [200, 429]
"""


def test_a_strangers_tests_run_with_the_plugin(pytester: pytest.Pytester) -> None:
    """Every fixture works in a test of somebody else; what bills twice fails, with the entry in its message."""
    pytester.makepyfile(integration=INTEGRATION, test_theirs=THEIR_TESTS)

    ended = pytester.runpytest_subprocess(
        "-p", "simulators.testing", "-p", "no:cacheprovider", "-p", "no:randomly", "-q"
    )

    ended.assert_outcomes(passed=7, failed=1)
    ended.stdout.fnmatch_lines(
        ["*the books are wrong*", "*double: 2*", "*version 1 twice: lines*", "*test_lost_replies?Hasty?*"]
    )


def test_the_example_in_the_docs_works(pytester: pytest.Pytester) -> None:
    """What docs/testing.md shows as a conftest and as a test passes as it stands there."""
    loads, shown = FENCE.findall(DOC.read_text(encoding="utf-8"))[:2]
    pytester.makeconftest(loads)
    pytester.makepyfile(integration=INTEGRATION, test_shown=shown)
    pytester.makepyfile(my_integration="from integration import Careful as MyIntegration")

    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q").assert_outcomes(passed=1)
