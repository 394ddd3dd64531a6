"""Against the certificate before: better, worse, newly tried, no longer tried, and nothing where nothing changed."""

from scenarios.certify.against import difference
from scenarios.certify.certificate import Certificate, LoadFound
from scenarios.swarm import SeedRun
from tests.scenarios.certify.a_certificate import a_certificate, a_run


def since(now: Certificate, before: Certificate) -> dict[str, list[str]]:
    """What changed, by name of the list."""
    found = difference(now, before, "previous.json")
    return {
        "better": [change.what for change in found.better],
        "worse": [change.what for change in found.worse],
        "new": found.newly_tried,
        "gone": found.no_longer_tried,
    }


NOTHING: dict[str, list[str]] = {"better": [], "worse": [], "new": [], "gone": []}


def test_the_same_again_is_no_change() -> None:
    """Two certificates of the same runs differ in nothing."""
    assert since(a_certificate(), a_certificate()) == NOTHING


def test_a_target_that_is_missed_now_is_worse_and_one_that_is_met_is_better() -> None:
    """Passing a target counts, however small the step."""
    good = a_certificate([a_run(p99_s=599), a_run("quiet_week/rough")])
    bad = a_certificate([a_run(p99_s=601, code=1), a_run("quiet_week/rough")])

    assert since(bad, good) == {**NOTHING, "worse": ["quiet_week: approval to ledger p99"]}
    assert since(good, bad) == {**NOTHING, "better": ["quiet_week: approval to ledger p99"]}


def test_a_number_counts_as_changed_beyond_a_twentieth() -> None:
    """Within it nothing is said; in a cell without targets its p99 is compared as it is."""
    runs = [a_run(p99_s=300), a_run("quiet_week/rough", p99_s=300)]
    near = [a_run(p99_s=310), a_run("quiet_week/rough", p99_s=290)]
    far = [a_run(p99_s=400), a_run("quiet_week/rough", p99_s=200)]

    assert since(a_certificate(near), a_certificate(runs)) == NOTHING
    assert since(a_certificate(far), a_certificate(runs)) == {
        **NOTHING,
        "worse": ["quiet_week: approval to ledger p99"],
        "better": ["quiet_week/rough: worst p99"],
    }


def test_of_a_least_share_it_counts_what_is_missing() -> None:
    """From 0.1 % missing to 0.5 % of the 1 % that may be is worse, and the other way round is better."""
    run = a_run()
    share = run.slas[1].model_copy(update={"actual": 995_000})
    less = run.model_copy(update={"slas": [run.slas[0], share]})
    more, fewer = a_certificate([run, a_run("quiet_week/rough")]), a_certificate([less, a_run("quiet_week/rough")])

    assert since(fewer, more) == {**NOTHING, "worse": ["quiet_week: in the ledger 30 min after cut-off"]}
    assert since(more, fewer) == {**NOTHING, "better": ["quiet_week: in the ledger 30 min after cut-off"]}


def test_an_oracle_that_fires_now_is_worse() -> None:
    """Books that were right and are not are told by the oracle's name."""
    good, bad = a_certificate(), a_certificate([a_run(code=3), a_run("quiet_week/rough")], seeds=(1, 2))

    assert "S1 at most once" in since(bad, good)["worse"]
    assert "S1 at most once" in since(good, bad)["better"]


def test_what_only_one_of_them_tried_is_told_and_not_compared() -> None:
    """Seeds, swarm seeds, kinds of fault and loads that are new, or gone."""
    load = LoadFound(name="hour", story="", tried=True, exit=0, word="held", sentence="held")
    struck = [a_run(seed=seed, fired={"lost_reply": 1, "throttling": 2}) for seed in (1, 2, 3)]
    swarm = [SeedRun(number, "swarm", {}) for number in range(5)]
    now = a_certificate([*struck, *(a_run("quiet_week/rough", seed) for seed in (1, 2))], swarm, [load], (1, 2, 3))
    before = a_certificate()

    told = since(now, before)

    assert told["new"] == [
        "quiet_week: seed 3",
        "quiet_week/rough: seed 3",
        "swarm: seeds 0 to 4",
        "load hour",
        "faults throttling",
    ]
    assert since(before, now)["gone"] == told["new"]
    assert told["gone"] == []


def test_a_load_that_became_graver_is_worse() -> None:
    """Loads are compared by their own verdicts, in the order of gravity and not of the codes."""
    load = LoadFound(name="hour", story="", tried=True, exit=5, word="unknown", sentence="proved nothing")
    wrong = load.model_copy(update={"exit": 3, "sentence": "wrong"})

    assert since(a_certificate(loads=[wrong]), a_certificate(loads=[load]))["worse"] == ["load hour"]
    assert since(a_certificate(loads=[load]), a_certificate(loads=[wrong]))["better"] == ["load hour"]
