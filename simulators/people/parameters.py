"""The numbers people live by: each with its range, its mark and its reason, and the settings made from them.

The table is `simulators/data/generator_params.json`. What the table lacks and a plan needs stands in `ASSUMED` here,
and is marked so. A mark says how sure a value is: "measured" on public data, "derived" from measured values by shown
arithmetic, "sourced" from a publication, "assumed" because nothing was found.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simulators.data import document

Mark = Literal["measured", "derived", "sourced", "assumed"]
MARKS: dict[str, Mark] = {
    "measured_on_public_data": "measured",
    "measured": "measured",
    "derived": "derived",
    "sourced": "sourced",
    "assumed": "assumed",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number (or short text, for a form) of the table. `low` and `high` are None where the table has none."""

    name: str
    value: float | str
    low: float | str | None
    high: float | str | None
    mark: Mark
    why: str


ASSUMED: tuple[Parameter, ...] = (
    Parameter("leave_and_internal_share", 0.03, 0, 0.15, "assumed", "rows of the PSA that are not to be posted"),
    Parameter("withdrawal_after_approval", 0.005, 0, 0.03, "assumed", "approvals taken back, lines cancelled"),
    Parameter("hold_in_split_week", 0.8, 0, 1, "assumed", "approvers who leave next month's lines undecided"),
    Parameter("sheets_per_click", 8, 1, 30, "assumed", "clicks of 8 sheets per approver"),
    Parameter("submit_lead_min", 180, 0, 480, "assumed", "sheets are due three hours before approvals are"),
    Parameter("cutoff_local_hour", 18, 12, 23, "assumed", "published cut-offs run from 17:30 to 23:59"),
)
"""What no public data and no row of the table says."""


@lru_cache(maxsize=1)
def parameters() -> dict[str, Parameter]:
    """Every parameter by name, flattened ("deadline_hazard.W_over_tau"), for settings and for reports."""
    found: dict[str, Parameter] = {}
    table: dict[str, Any] = document("generator_params.json")
    for name, row in table.items():
        if name == "firms":
            _firm_sizes(row, found)
        else:
            _take(name, row, MARKS.get(row.get("status", "")), row.get("why", row.get("form", "")), found)
    for parameter in ASSUMED:
        found[parameter.name] = parameter
    return found


def all_parameters() -> list[Parameter]:
    """Every parameter with its mark, by name: what a report prints under "what this rests on"."""
    return [parameters()[name] for name in sorted(parameters())]


_ABOUT_A_ROW = frozenset({"status", "why", "form", "low", "high", "d365_fo_note", "note"})


def _take(name: str, row: dict[str, Any], mark: Mark | None, why: str, found: dict[str, Parameter]) -> None:
    if "value" in row:
        assert mark, f"{name} has no mark"
        found[name] = Parameter(name, row["value"], row.get("low"), row.get("high"), mark, why)
        return
    parts = {part: value for part, value in row.items() if part not in _ABOUT_A_ROW}
    if not parts:
        assert mark, f"{name} has no mark"
        found[name] = Parameter(name, row["form"], None, None, mark, why)
    lows, highs = row.get("low"), row.get("high")
    for at, (part, value) in enumerate(parts.items()):
        if isinstance(value, dict):
            inner = MARKS.get(value.get("status", "")) or mark
            _take(f"{name}.{part}", value, inner, value.get("why", why), found)
            continue
        # The windows of the deadline law stand beside the derived ratio and share its derivation.
        shown = value if isinstance(value, int | float | str) else ", ".join(map(str, value))
        low = lows[at] if isinstance(lows, list) and at < len(lows) else None
        high = highs[at] if isinstance(highs, list) and at < len(highs) else None
        reason = row.get(f"{part}_note", why)
        found[f"{name}.{part}"] = Parameter(f"{name}.{part}", shown, low, high, mark or "derived", reason)


def _firm_sizes(sizes: dict[str, Any], found: dict[str, Parameter]) -> None:
    """Sizes of firms: triples are (value, low, high) and assumed, pairs (value, stressed) and derived."""
    for size, row in sizes.items():
        if size == "note":
            continue
        for part, value in row.items():
            name = f"firms.{size}.{part}"
            triple = isinstance(value, list) and len(value) == 3
            mark: Mark = "assumed" if triple or part == "largest_tz_bloc" else "derived"
            if isinstance(value, list):
                low, high = (value[1], value[2]) if triple else (None, value[1])
                found[name] = Parameter(name, value[0], low, high, mark, sizes["note"])
            else:
                found[name] = Parameter(name, value, None, None, mark, sizes["note"])


def _number(name: str) -> float:
    value = parameters()[name].value
    assert isinstance(value, int | float), f"{name} is not a number"
    return value


def _from_table(name: str, times: int, *, ge: int, le: int = 1_000_000_000) -> Any:
    """A field whose default is the table's value times `times`, read when settings are first made."""
    return Field(default_factory=lambda: round(_number(name) * times), ge=ge, le=le)


_PPM = 1_000_000


class PeopleSettings(BaseModel):
    """How people book, submit, approve and correct; a scenario may set each. Shares are parts per million.

    Two rows of the table have no setting: overlapping entries, and raw timer entries, because a sheet's row carries a
    quantity and no start and stop.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows_per_person_week: int = _from_table("rows_per_person_week", 1, ge=1, le=100)
    volume_percent: int = Field(default=100, ge=1, le=1000)
    """Rows against the table's: 300 is three times the volume."""
    utilisation_ppm: int = _from_table("billable_utilisation", _PPM, ge=0, le=_PPM)
    leave_internal_ppm: int = _from_table("leave_and_internal_share", _PPM, ge=0, le=500_000)
    duplicate_ppm: int = _from_table("user_made_exact_duplicate", _PPM, ge=0, le=_PPM)
    cross_midnight_ppm: int = _from_table("cross_midnight", _PPM, ge=0, le=_PPM)
    late_ppm: int = _from_table("late_share", _PPM, ge=0, le=_PPM)
    returned_sheets_ppm: int = _from_table("sheets_returned_at_least_once", _PPM, ge=0, le=_PPM)
    rejected_ppm: int = _from_table("reject_share_of_decisions", _PPM, ge=0, le=_PPM)
    """Line decisions that are rejections; they gather on the returned sheets."""
    resubmit_ppm: int = _from_table("resubmit_after_reject", _PPM, ge=0, le=_PPM)
    correction_ppm: int = _from_table("post_approval_correction", _PPM, ge=0, le=_PPM)
    withdrawal_ppm: int = _from_table("withdrawal_after_approval", _PPM, ge=0, le=_PPM)
    second_thoughts_ppm: int = Field(default=0, ge=0, le=_PPM)
    """Approved lines that are changed and approved again within minutes, up to three times, and some then taken back.
    Real firms do so hardly ever (assumed: never); a swarm does, so that news overtakes what is on its way."""
    moved_day_ppm: int = Field(default=0, ge=0, le=_PPM)
    """Changes that move the line to the day before (on the first of the month: after) instead of what they would have
    changed. We have no figure (assumed: never); a swarm does it."""
    auto_approve_ppm: int = _from_table("auto_approved_at_cutoff", _PPM, ge=0, le=_PPM)
    """Sheets still undecided on the last day that nobody decides: the PSA approves them at the cut-off."""
    w_over_tau_percent: int = _from_table("deadline_hazard.W_over_tau", 100, ge=1, le=100_000)
    submit_window_min: int = _from_table("deadline_hazard.W_submit_min", 1, ge=1, le=9_600)
    approve_window_min: int = _from_table("deadline_hazard.W_approve_min", 1, ge=1, le=480)
    submit_cv_percent: int = _from_table("rate_modulation_gamma_cv.submit_60min", 100, ge=0, le=200)
    approve_cv_percent: int = _from_table("rate_modulation_gamma_cv.approve_60min", 100, ge=0, le=200)
    sheets_per_click: int = _from_table("sheets_per_click", 1, ge=1, le=200)
    cutoff_local_minute: int = Field(
        default_factory=lambda: round(_number("cutoff_local_hour") * 60), ge=12 * 60, le=24 * 60 - 1
    )
    """Minute of the local day at which approvals are cut off: 1080 is 18:00."""
    cutoff_working_days_after: int = Field(default=0, ge=0, le=2)
    """0: the cut-off is on the last day of the month; n: on the n-th working day after it."""
    submit_lead_min: int = _from_table("submit_lead_min", 1, ge=0, le=480)
    split_week: bool = False
    """The week that spans the month end is one sheet; otherwise it is cut at the month end."""
    hold_ppm: int = _from_table("hold_in_split_week", _PPM, ge=0, le=_PPM)

    @model_validator(mode="after")
    def _shares_fit(self) -> "PeopleSettings":
        if self.correction_ppm + self.withdrawal_ppm > _PPM:
            raise ValueError("correction_ppm and withdrawal_ppm together are more than all lines")
        return self
