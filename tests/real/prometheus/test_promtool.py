"""Prometheus' own checks of our files. Without promtool (Debian: apt-get install prometheus) they are skipped."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.a_rule_book import PROMETHEUS
from tests.deploy.test_dashboards import NAMES, expressions

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed; scripts/install_prometheus.sh does"
)
FILLED_IN = {"$__rate_interval": "5m", "$entity": ".*", "$region": ".*"}


def promtool(*arguments: str, where: Path = PROMETHEUS) -> str:
    """Run it; what it cannot accept fails the test with its words."""
    assert PROMTOOL is not None
    ran = subprocess.run([PROMTOOL, *arguments], cwd=where, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_configuration_and_the_rules_are_accepted(tmp_path: Path) -> None:
    """prometheus.yml with a key beside it, and the rule files that it names."""
    shutil.copytree(PROMETHEUS, tmp_path / "prometheus")
    (tmp_path / "prometheus" / "springtide.key").write_text("stk_x")

    said = promtool("check", "config", "prometheus.yml", where=tmp_path / "prometheus")

    assert said.count("SUCCESS") == 4


@pytest.mark.parametrize("path", sorted((PROMETHEUS / "tests").glob("*.yml")), ids=lambda path: path.stem)
def test_alerts_fire_in_their_stories_and_in_no_others(path: Path) -> None:
    """Every story ends as it is told: exactly these alerts fire at that instant."""
    assert "SUCCESS" in promtool("test", "rules", path.name, where=path.parent)


def test_every_expression_of_a_dashboard_parses(tmp_path: Path) -> None:
    """Prometheus reads what the panels ask, with Grafana's variables filled in."""
    asked = [expression for name in NAMES for expression in expressions(name)]
    for variable, text in FILLED_IN.items():
        asked = [expression.replace(variable, text) for expression in asked]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    book = tmp_path / "panels.yml"
    book.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))

    assert not [expression for expression in asked if "$" in expression]
    assert f"{len(asked)} rules found" in promtool("check", "rules", str(book))
