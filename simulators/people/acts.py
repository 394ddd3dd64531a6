"""What people do, in the order they do it: book, submit, decide, correct, take back.

A plan is made before the clock starts; the mock systems decide what an act then means (an approval of a line that
was meanwhile changed is refused by its fingerprint, for instance).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date

from simulators.firm.model import AssignmentPlan


@dataclass(slots=True)
class LinePlan:
    """One row of a sheet: an assignment on a civil day, in quarters of an hour."""

    entry_id: str
    number: int
    assignment: AssignmentPlan
    work_date: date
    quarter_hours: int
    time_type: str
    billable: bool
    narrative: str
    booked_at_ms: int


@dataclass(slots=True)
class SheetPlan:
    """A worker's week in one legal entity."""

    sheet_id: str
    worker: str
    approver: str
    entity: str
    week_start: date
    lines: list[LinePlan]


@dataclass(slots=True)
class SheetSubmitted:
    """The worker hands the sheet in; its lines were booked before (`booked_at_ms`)."""

    at_ms: int
    sheet: SheetPlan


@dataclass(slots=True)
class SheetsDecided:
    """One click of an approver over several sheets. `rejected` are entry ids not approved; `hold` are left undecided.

    `method` is "single" or "bulk".
    """

    at_ms: int
    approver: str
    method: str
    sheets: list[SheetPlan]
    rejected: tuple[str, ...] = ()
    hold: tuple[str, ...] = ()


@dataclass(slots=True)
class LineChanged:
    """The worker changes a line; None leaves a field as it is. It has to be approved (again) by `LinesApproved`."""

    at_ms: int
    entity: str
    entry_id: str
    quarter_hours: int | None = None
    narrative: str | None = None
    assignment: AssignmentPlan | None = None
    dimensions: tuple[str, ...] | None = None
    work_date: date | None = None


@dataclass(slots=True)
class LinesApproved:
    """An approver approves single lines (after a correction, a rejection or a re-rating)."""

    at_ms: int
    entity: str
    approver: str
    entry_ids: tuple[str, ...]


@dataclass(slots=True)
class LineWithdrawn:
    """An approval is taken back, or the line is cancelled or deleted (`reason`)."""

    at_ms: int
    entity: str
    entry_id: str
    reason: str


@dataclass(slots=True)
class AutoApproved:
    """The PSA approves at the cut-off whatever was submitted, and neither decided nor held."""

    at_ms: int
    entity: str


Act = SheetSubmitted | SheetsDecided | LineChanged | LinesApproved | LineWithdrawn | AutoApproved


def acts_about(acts: Iterable[Act], entry_ids: Collection[str]) -> list[Act]:
    """The same acts, as far as they are about these entries; whoever has nothing to do with them does nothing."""
    kept: list[Act] = []
    chosen = frozenset(entry_ids)
    for act in acts:
        match act:
            case SheetSubmitted():
                sheet = _sheet_about(act.sheet, chosen)
                if sheet.lines:
                    kept.append(replace(act, sheet=sheet))
            case SheetsDecided():
                sheets = [sheet for sheet in (_sheet_about(each, chosen) for each in act.sheets) if sheet.lines]
                if sheets:
                    kept.append(replace(act, sheets=sheets))
            case LinesApproved():
                entries = tuple(each for each in act.entry_ids if each in chosen)
                if entries:
                    kept.append(replace(act, entry_ids=entries))
            case LineChanged() | LineWithdrawn():
                if act.entry_id in chosen:
                    kept.append(act)
            case AutoApproved():
                kept.append(act)
    return kept


def _sheet_about(sheet: SheetPlan, chosen: Collection[str]) -> SheetPlan:
    return replace(sheet, lines=[line for line in sheet.lines if line.entry_id in chosen])
