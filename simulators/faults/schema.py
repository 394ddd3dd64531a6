"""u11: the source sends its events in another form than was agreed, from one hour to the next, and then as before.

Whatever cannot be read is put aside at the border, as a dead letter that says why; it is never guessed at. When the
source sends the right form again, a recount finds what is lacking, and it is fetched.

Not built: another unit that is not said ("480" hours that are minutes). Nothing but plausibility could find it, and
what is plausible on one line is a firm's own rule.
"""

from typing import ClassVar, Literal, Self

from simulators.faults.bases import HOUR_MS, AccountFault, Mark, Ms, Room
from simulators.faults.moves import DriftSchema, Form, Move
from simulators.faults.wall_time import Month, System

FORMS: tuple[Form, ...] = ("renamed", "new_enum", "null", "minutes", "comma")


class SchemaDrift(AccountFault):
    """u11: for some hours every approval comes in one new form: a field renamed, an unknown unit, null where a value
    is required, minutes for hours, or a decimal comma. Read on the clock of the PSA account.
    """

    kind: Literal["schema_drift"] = "schema_drift"
    system: System = "psa"
    form: Form = "renamed"
    lasts_ms: Ms = 4 * HOUR_MS
    only_listed: ClassVar[bool] = True
    healing: ClassVar[str] = "The source takes the change back; a recount finds what is lacking, and it is fetched."
    mark: ClassVar[Mark] = Mark("#", "#8c6d31")
    breaks_nothing: ClassVar[str] = (
        "S15 and S2b: nothing is posted from what cannot be read. S2, S7: nothing is forgotten."
    )

    def schedule(self, month: Month, seed: int) -> list[Move]:
        return [
            DriftSchema(at_ms, self.kind, at_ms + self.lasts_ms, self.system, account, self.form)
            for account, at_ms in self.onsets(month)
        ]

    @classmethod
    def drawn(cls, room: Room) -> Self:
        kind = "schema_drift"
        return cls(
            day=room.day(kind),
            at=room.at(kind),
            form=FORMS[room.number(0, len(FORMS) - 1, kind, "form")],
            lasts_ms=room.number(1, 24, kind, "lasts") * HOUR_MS,
        )
