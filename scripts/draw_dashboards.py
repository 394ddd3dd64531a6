"""Writes deploy/grafana/*.json: the dashboards, from the tables below.

    .venv/bin/python scripts/draw_dashboards.py

`tests/deploy/test_dashboards.py` fails when a file is not what this would write. The JSON is Grafana's classic model.
It is imported or provisioned as it is: the data source is a variable, and nothing has to be filled in.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "grafana"
SCHEMA_VERSION = 39
"""Grafana 10.4 wrote it; newer ones migrate it when they load it (documented)."""
WIDTH = 24
"""Columns of Grafana's grid."""
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HERE = 'entity=~"$entity", region=~"$region"'
OURS = 'entity=~"$entity"'

Panel = tuple[str, str, str, int, list[tuple[str, str]], str]
"""(kind, title, unit, columns, [(expression, legend)], what it shows)."""

ROW = "row"

CUT_OFF: list[Panel] = [
    (ROW, "Will it be in time?", "", 0, [], ""),
    (
        "stat",
        "Cut-off in",
        "s",
        6,
        [(f"min by (entity) (springtide:cut_off_in_seconds{{{HERE}}})", "{{entity}}")],
        "The feed cut-off that counts for what waits. Below 0: it is over, and work that it meant still waits.",
    ),
    (
        "stat",
        "Margin at the current rate",
        "s",
        6,
        [
            (
                "min by (entity) (springtide:forecast_cut_off_margin_seconds"
                f'{{{HERE}, rate="current", edge="expected"}})',
                "{{entity}}",
            )
        ],
        "Cut-off less expected clearing. Below 0: too late.",
    ),
    (
        "stat",
        "Margin at the permitted rate",
        "s",
        6,
        [
            (
                "min by (entity) (springtide:forecast_cut_off_margin_seconds"
                f'{{{HERE}, rate="permitted", edge="expected"}})',
                "{{entity}}",
            )
        ],
        "The same if every call that the account permits were used.",
    ),
    (
        "stat",
        "Firing",
        "none",
        6,
        [('sum by (severity) (ALERTS{alertstate="firing", severity=~"page|ticket"}) or vector(0)', "{{severity}}")],
        "Alerts that fire now, of any entity.",
    ),
    (
        "timeseries",
        "What waits clears in",
        "s",
        12,
        [
            (f'springtide:forecast_clears_in_seconds{{{HERE}, rate="current", edge="early"}}', "{{entity}} early"),
            (
                f'springtide:forecast_clears_in_seconds{{{HERE}, rate="current", edge="expected"}}',
                "{{entity}} expected",
            ),
            (f'springtide:forecast_clears_in_seconds{{{HERE}, rate="current", edge="late"}}', "{{entity}} late"),
            (
                f'springtide:forecast_clears_in_seconds{{{HERE}, rate="permitted", edge="expected"}}',
                "{{entity}} permitted",
            ),
            (f"springtide:cut_off_in_seconds{{{HERE}}}", "{{entity}} cut-off"),
        ],
        "In time while the lines of an entity are below its cut-off. No line: never at that rate, or not known yet.",
    ),
    (
        "timeseries",
        "Landing, against what is permitted",
        "none",
        12,
        [
            (
                f'max by (entity, rate) (springtide_forecast_entries_per_hour{{{HERE}, rate="current"}})',
                "{{entity}} current",
            ),
            (
                f'max by (entity, rate) (springtide_forecast_entries_per_hour{{{HERE}, rate="permitted"}})',
                "{{entity}} permitted",
            ),
        ],
        "Versions in an hour. Near the permitted rate only more quota or more slots help.",
    ),
    (ROW, "Money and age", "", 0, [], ""),
    (
        "timeseries",
        "Approved and not in the ledger",
        "none",
        12,
        [
            (
                f"sum by (currency) (springtide:not_in_ledger_amount_minor_units{{{HERE}}})",
                "{{currency}}, minor units",
            )
        ],
        "Bill value in flight, staged, in doubt and parked, by currency. Hours without a value come on top.",
    ),
    (
        "timeseries",
        "Oldest work",
        "s",
        12,
        [(f"springtide:oldest_work_age_seconds{{{HERE}}}", "{{entity}}")],
        "From its approval. This counts, not the number of entries.",
    ),
    (
        "timeseries",
        "Backlog",
        "none",
        12,
        [(f"springtide:backlog_entries{{{HERE}}}", "{{entity}}")],
        "Unfinished versions that are not parked.",
    ),
    (
        "timeseries",
        "Late share of what landed",
        "percentunit",
        12,
        [
            (f"springtide:late_ratio:rate1h{{{OURS}}}", "{{entity}}, 1 h"),
            (f"springtide:late_ratio:rate1d{{{OURS}}}", "{{entity}}, 1 d"),
            ("springtide:limit_late_ratio", "budget"),
        ],
        "Later than 30 minutes after approval.",
    ),
    (
        "timeseries",
        "Approval to ledger",
        "s",
        12,
        [
            (
                f"histogram_quantile({share}, sum by (le) (rate("
                f"springtide_approval_to_ledger_seconds_bucket{{{OURS}}}[$__rate_interval])))",
                name,
            )
            for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
        ],
        "Of what landed, over the chosen entities.",
    ),
    (
        "timeseries",
        "In doubt and staged, oldest",
        "s",
        12,
        [(f'springtide:oldest_age_seconds{{{HERE}, place=~"in_doubt|staged"}}', "{{entity}} {{place}}")],
        "Doubt that lasts means that look-ups get no answer.",
    ),
    (ROW, "Parked", "", 0, [], ""),
    (
        "table",
        "Parked, by reason and owner",
        "none",
        12,
        [(f"sum by (reason, owner) (springtide:parked_entries{{{HERE}}}) > 0", "")],
        "Entries that wait for somebody. springtide status says the fix.",
    ),
    (
        "timeseries",
        "Parked for how long, oldest by reason",
        "s",
        12,
        [(f"max by (reason) (springtide_parked_oldest_age_seconds{{{HERE}}})", "{{reason}}")],
        "Older than a day: its owner does not know of it, or cannot mend it.",
    ),
]

SYSTEMS: list[Panel] = [
    (ROW, "Foreign systems", "", 0, [], ""),
    (
        "state-timeline",
        "Accounts that are not open",
        "none",
        12,
        [('max by (account, mode) (springtide_account_mode{mode!="open"}) == 1', "{{account}} {{mode}}")],
        "One line is one incident of that system.",
    ),
    (
        "timeseries",
        "Quota used",
        "percentunit",
        12,
        [("max by (account) (springtide_account_quota_used_ratio)", "{{account}}")],
        "Share of the running window.",
    ),
    (
        "timeseries",
        "Calls by outcome",
        "reqps",
        12,
        [("sum by (account, outcome) (rate(springtide_calls_total[$__rate_interval]))", "{{account}} {{outcome}}")],
        "Anything but served is the system's, or the way to it.",
    ),
    (
        "timeseries",
        "Calls, p95",
        "s",
        12,
        [
            (
                "histogram_quantile(0.95, sum by (le, account, call) "
                "(rate(springtide_call_seconds_bucket[$__rate_interval])))",
                "{{account}} {{call}}",
            )
        ],
        "Near call_deadline_ms calls end in doubt.",
    ),
    (
        "timeseries",
        "Rows by what became of them",
        "none",
        12,
        [("sum by (outcome) (rate(springtide_attempts_total[$__rate_interval]))", "{{outcome}}")],
        "Rows a second that were sent for posting.",
    ),
    (
        "timeseries",
        "Calls that wait",
        "none",
        12,
        [("max by (account, entity) (springtide_account_waiting_calls)", "{{account}} {{entity}}")],
        "What entities would start if their account let them.",
    ),
    (ROW, "Intake", "", 0, [], ""),
    (
        "timeseries",
        "Items at the door",
        "none",
        12,
        [("sum by (outcome) (rate(springtide_intake_items_total[$__rate_interval]))", "{{outcome}}")],
        "Items a second: accepted, duplicate, refused, quarantined.",
    ),
    (
        "timeseries",
        "Requests, p99",
        "s",
        12,
        [
            (
                "histogram_quantile(0.99, sum by (le, status_class) "
                "(rate(springtide_http_request_seconds_bucket[$__rate_interval])))",
                "{{status_class}}",
            )
        ],
        "For intake this includes making it durable.",
    ),
    (
        "timeseries",
        "Refused",
        "reqps",
        12,
        [
            ("sum by (reason) (rate(springtide_intake_refused_total[$__rate_interval]))", "intake: {{reason}}"),
            ("sum by (reason) (rate(springtide_webhook_refusals_total[$__rate_interval]))", "webhook: {{reason}}"),
        ],
        "Senders repeat; what stays refused is missed.",
    ),
    (
        "timeseries",
        "Dead letters that wait, and versions that a recount missed",
        "none",
        12,
        [
            ('max by (state) (springtide_dead_letters{state="waiting"})', "dead letters"),
            (f"max by (entity) (springtide_source_missing_versions{{{HERE}}})", "{{entity}} missing"),
        ],
        "Somebody sends what nobody can read, or does not send what it approved.",
    ),
    (ROW, "Our own machines", "", 0, [], ""),
    (
        "timeseries",
        "Durable steps, p99",
        "s",
        12,
        [
            (
                "histogram_quantile(0.99, sum by (le) "
                "(rate(springtide_journal_commit_seconds_bucket[$__rate_interval])))",
                "commit",
            ),
            (
                "histogram_quantile(0.99, sum by (le) (rate(springtide_checkpoint_seconds_bucket[$__rate_interval])))",
                "checkpoint",
            ),
        ],
        "Intake and posting wait for the journal.",
    ),
    (
        "timeseries",
        "Bounds of intake",
        "none",
        12,
        [
            ("max(springtide_commit_queue_turns)", "turns that wait for the journal"),
            ("max(springtide_intake_calls)", "requests at once"),
        ],
        "At their limits intake is refused.",
    ),
    (
        "timeseries",
        "Undecided, and room on the disk",
        "bytes",
        12,
        [
            (f"max by (entity) (springtide_undecided_bytes{{{HERE}}})", "{{entity}} undecided"),
            ("min(springtide_disk_headroom_bytes)", "room on the disk"),
        ],
        "Below disk_headroom_bytes of the configuration intake is refused.",
    ),
    (
        "timeseries",
        "Entries in memory",
        "none",
        12,
        [(f"max by (entity) (springtide_in_memory_entries{{{HERE}}})", "{{entity}}")],
        "Follows unfinished work.",
    ),
    (
        "state-timeline",
        "Partitions that do not run, or are paused",
        "none",
        12,
        [
            (f"max by (entity) (springtide_partition_running{{{HERE}}}) == 0", "{{entity}} does not run"),
            (f"max by (entity) (springtide_paused{{{HERE}}}) == 1", "{{entity}} is paused"),
        ],
        "springtide status says why.",
    ),
    (
        "timeseries",
        "Changes of owner in an hour",
        "none",
        12,
        [(f"max by (entity) (changes(springtide_partition_epoch{{{HERE}}}[1h]))", "{{entity}}")],
        "A host that loses its lease again and again, or dies.",
    ),
]

DASHBOARDS: dict[str, tuple[str, list[Panel]]] = {
    "cut_off": ("Springtide: cut-off and money", CUT_OFF),
    "systems": ("Springtide: systems, intake, machines", SYSTEMS),
}
"""File name without its ending: title and panels."""

HEIGHTS = {"stat": 5, "timeseries": 8, "table": 8, "state-timeline": 8, ROW: 1}


def dashboard(name: str) -> dict[str, Any]:
    """One dashboard."""
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"springtide-{name.replace('_', '-')}",
        "title": title,
        "tags": ["springtide"],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "time": {"from": "now-6h", "to": "now"},
        "links": [
            {
                "title": "Springtide",
                "type": "dashboards",
                "tags": ["springtide"],
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "annotations": {
            "list": [
                {
                    "name": "Pages",
                    "datasource": SOURCE,
                    "enable": True,
                    "expr": 'ALERTS{alertstate="firing", severity="page"}',
                    "iconColor": "red",
                    "titleFormat": "{{alertname}} {{entity}}{{account}}",
                }
            ]
        },
        "templating": {"list": [_source_variable(), _label_variable("region"), _label_variable("entity")]},
        "panels": _laid_out(panels),
    }


def _source_variable() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0}


def _label_variable(label: str) -> dict[str, Any]:
    chosen = ', region=~"$region"' if label == "entity" else ""
    query = f"label_values(springtide_backlog_entries{{{chosen.removeprefix(', ')}}}, {label})"
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": label},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
    }


def _laid_out(panels: list[Panel]) -> list[dict[str, Any]]:
    """The panels from left to right, row by row."""
    made: list[dict[str, Any]] = []
    x = y = tallest = 0
    for number, (kind, title, unit, columns, targets, shows) in enumerate(panels, 1):
        columns = columns or WIDTH
        if x + columns > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        place = {"x": x, "y": y, "w": columns, "h": HEIGHTS[kind]}
        x, tallest = x + columns, max(tallest, HEIGHTS[kind])
        made.append(
            {"id": number, "type": kind, "title": title, "gridPos": place, **_content(kind, unit, targets, shows)}
        )
    return made


def _content(kind: str, unit: str, targets: list[tuple[str, str]], shows: str) -> dict[str, Any]:
    if kind == ROW:
        return {"collapsed": False, "panels": []}
    return {
        "description": shows,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, **_thresholds(kind, unit)}, "overrides": []},
        "options": _OPTIONS[kind],
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend or "__auto",
                "instant": kind in ("stat", "table"),
                "range": kind not in ("stat", "table"),
                "format": "table" if kind == "table" else "time_series",
            }
            for number, (expression, legend) in enumerate(targets)
        ],
    }


def _thresholds(kind: str, unit: str) -> dict[str, Any]:
    if kind != "stat":
        return {}
    colours = (("red", None), ("yellow", 0), ("green", 1_800)) if unit == "s" else (("green", None), ("red", 1))
    steps = [{"color": colour, "value": least} for colour, least in colours]
    return {"thresholds": {"mode": "absolute", "steps": steps}}


_OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value"},
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    "table": {"showHeader": True},
    "state-timeline": {"mergeValues": True, "showValue": "never"},
}


def text(name: str) -> str:
    """The file of one dashboard."""
    return json.dumps(dashboard(name), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each in DASHBOARDS:
        (FOLDER / f"{each}.json").write_text(text(each), encoding="utf-8")
