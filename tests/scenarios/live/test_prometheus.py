"""How the rules are made short for a demo: waiting, and nothing else; and how alerts are written down."""

import re
from typing import cast

from scenarios.live.prometheus import HURRY, RULE_FILES, RULES, Alert, AlertLog, APrometheus, hurried


def test_in_a_hurry_only_waiting_is_shorter() -> None:
    """Every `for:` and every interval becomes short; expressions, thresholds, labels and words stay as they ship."""
    for name in RULE_FILES:
        shipped = (RULES / name).read_text(encoding="utf-8")
        short = hurried(shipped, HURRY)
        changed = [
            (before.strip(), after.strip())
            for before, after in zip(shipped.splitlines(), short.splitlines(), strict=True)
            if before != after
        ]

        assert changed
        assert all(re.fullmatch(r"(for|interval): \S+", line) for pair in changed for line in pair)
        waits = {after for _, after in changed}
        assert waits <= {f"for: {HURRY.patience}", f"interval: {HURRY.scrape}"}
        assert len(re.findall(r"^\s+for: ", shipped, re.MULTILINE)) == short.count(f"for: {HURRY.patience}\n")


def test_an_alert_that_comes_twice_is_two_and_one_whose_words_change_is_one() -> None:
    """From when to when each of them fired; its summary holds numbers, and is no part of what it is."""
    log = AlertLog(cast("APrometheus", None))
    first, reworded = (Alert("CutOffMissed", "firing", {"entity": "DE01"}, words, "") for words in ("5 rows", "4 rows"))
    other = Alert("CutOffMissed", "firing", {"entity": "NO01"}, "5 rows", "")

    for now_ms, firing in enumerate([[first], [reworded, other], [other], [], [first]], 1):
        log._note(firing, now_ms)

    assert [(one.alert.labels["entity"], one.began_ms, one.ended_ms) for one in log.fired] == [
        ("DE01", 1, 3),
        ("NO01", 2, 4),
        ("DE01", 5, None),
    ]
