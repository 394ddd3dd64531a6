"""The tool that consultants book their time in: lines are drafts until their sheet is handed in, then locked.

    (nothing) --book--> DRAFT --hand in--> LOCKED --give back--> DRAFT
                                              `---- PSA decides ---'

Rule 1. A line is booked once; a second booking of the same entry is refused.
Rule 2. A locked line cannot be handed in or revised again until the PSA gives it back.

No I/O and no wire: the PSA is attached to it. Months have millions of lines, so a locked line costs one slot of a
set, and a sheet is booked and handed in as one step.
"""

from simulators.people.acts import LinePlan, SheetPlan


class TimeCapture:
    """Knows which lines are drafts and which are locked. Content is kept by reference to the plan of the line."""

    def __init__(self) -> None:
        self._drafts: dict[str, LinePlan] = {}
        self._locked: set[str] = set()

    def book(self, line: LinePlan) -> bool:
        """Book one line as a draft; False if this entry was booked before."""
        if line.entry_id in self._drafts or line.entry_id in self._locked:
            return False
        self._drafts[line.entry_id] = line
        return True

    def submit(self, sheet: SheetPlan) -> list[LinePlan]:
        """Lock those lines of the sheet that are drafts, and return them as they were last booked or revised."""
        submitted: list[LinePlan] = []
        for line in sheet.lines:
            draft = self._drafts.pop(line.entry_id, None)
            if draft is not None:
                self._locked.add(line.entry_id)
                submitted.append(draft)
        return submitted

    def hand_in(self, sheet: SheetPlan) -> list[LinePlan]:
        """Book what is not booked yet and submit the sheet. Returns the lines that are submitted by this.

        A sheet of new lines, the usual case, is locked in bulk and its own list comes back: do not change it.
        """
        ids = [line.entry_id for line in sheet.lines]
        if not self._locked.isdisjoint(ids) or not self._drafts.keys().isdisjoint(ids):
            for line in sheet.lines:
                if line.entry_id not in self._drafts and line.entry_id not in self._locked:
                    self.book(line)
            return self.submit(sheet)
        before = len(self._locked)
        self._locked.update(ids)
        assert len(self._locked) - before == len(ids), "a sheet names each of its lines once"
        return sheet.lines

    def give_back(self, line: LinePlan) -> None:
        """The PSA returns a submitted line to its worker, with the content it has there; it may be revised now."""
        if line.entry_id in self._locked:
            self._locked.remove(line.entry_id)
            self._drafts[line.entry_id] = line

    def revise(self, line: LinePlan) -> bool:
        """The worker changes a returned line and submits it again at once; False while it is locked or unknown."""
        if self._drafts.pop(line.entry_id, None) is None:
            return False
        self._locked.add(line.entry_id)
        return True
