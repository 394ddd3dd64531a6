"""The dashboards: fresh, and loadable as they are: what they ask for exists, and no panel lies on another."""

import importlib.util
import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.deploy.a_rule_book import DEPLOY, flaws, values_asked
from tests.deploy.test_alerts import CLOSED

GRAFANA = DEPLOY / "grafana"
NAMES = sorted(path.stem for path in GRAFANA.glob("*.json"))
OF_A_DASHBOARD = {"uid", "title", "tags", "schemaVersion", "version", "time", "templating", "panels", "annotations"}


def script() -> ModuleType:
    """scripts/draw_dashboards.py, imported without running it."""
    spec = importlib.util.spec_from_file_location("scripts_dashboards", DEPLOY.parent / "scripts/draw_dashboards.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dashboard(name: str) -> dict[str, Any]:
    """One dashboard as it is in the repository."""
    read: dict[str, Any] = json.loads((GRAFANA / f"{name}.json").read_text(encoding="utf-8"))
    return read


def expressions(name: str) -> Iterator[str]:
    """Everything that a dashboard asks of Prometheus."""
    read = dashboard(name)
    for panel in read["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (one["expr"] for one in read["annotations"]["list"])


def test_every_dashboard_is_fresh() -> None:
    """The files are what the script writes from its tables, all of them and no others."""
    drawn = script()

    assert sorted(drawn.DASHBOARDS) == NAMES
    for name in NAMES:
        written = (GRAFANA / f"{name}.json").read_text(encoding="utf-8")
        assert written == drawn.text(name), "run .venv/bin/python scripts/draw_dashboards.py"


@pytest.mark.parametrize("name", NAMES)
def test_what_a_dashboard_asks_for_is_shown(name: str) -> None:
    """Every metric, label and recorded name in a panel exists, and what it compares with can be."""
    asked = list(expressions(name))

    assert len(asked) > 15
    assert [flaw for expression in asked for flaw in flaws(expression)] == []
    compared = [one for expression in asked for one in values_asked(expression)]
    assert [one for one in compared if one[1] not in CLOSED.get(one[0], {one[1]})] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_loads_as_it_is(name: str) -> None:
    """Nothing has to be filled in: no inputs are asked for, and every panel takes the data source of the variable."""
    read = dashboard(name)
    panels = [panel for panel in read["panels"] if panel["type"] != "row"]

    assert "__inputs" not in read
    assert "id" not in read
    assert set(read) >= OF_A_DASHBOARD
    assert read["schemaVersion"] >= 39
    first, *others = read["templating"]["list"]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    sources = [one["datasource"] for panel in panels for one in (panel, *panel["targets"])]
    assert all(one == chosen for one in (*sources, *(one["datasource"] for one in others)))
    assert {name for one in others for name in [one["name"]]} == {"region", "entity"}


@pytest.mark.parametrize("name", NAMES)
def test_panels_have_a_name_an_explanation_and_a_place_of_their_own(name: str) -> None:
    """Ids are unique, every panel says what it shows, and no two of them lie on each other or outside the grid."""
    panels = dashboard(name)["panels"]
    taken: set[tuple[int, int]] = set()

    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"]
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_dashboards_have_addresses_of_their_own() -> None:
    """Two dashboards with one uid overwrite each other."""
    assert len({dashboard(name)["uid"] for name in NAMES}) == len(NAMES) > 1
