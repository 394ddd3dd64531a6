"""How the rules are made short for a demo: waiting, and nothing else."""

import re

from scenarios.live.prometheus import HURRY, RULE_FILES, RULES, hurried


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
