"""What a success leaves out or mixes up: results that are missing, and results in another order than the rows.

Rule 1. A row is drawn under its key and how often it came, a call under its first name and how often that came, so
        what is left out elsewhere changes nothing.
Rule 2. Of a row without a result nobody knows whether it was served: some were, some were not (an atomic batch is
        served whole).
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from simulators.chance import chance, happens
from simulators.systems.erp.wire import Row
from simulators.systems.erp_profile import ErpProfile

T = TypeVar("T")


class Answers:
    """How complete and how orderly the successes of one account are."""

    def __init__(
        self, profile: ErpProfile, account: str, seed: int, strike: Callable[[str, str, int], bool], calm_ms: int
    ) -> None:
        self.loses = profile.answers_missing_ppm > 0
        self.mixes = profile.answers_reordered_ppm > 0
        self._profile = profile
        self._account = account
        self._seed = seed
        self._may = strike
        self._calm_ms = calm_ms
        self._came: dict[str, int] = {}

    def unanswered(self, rows: Sequence[Row], now_ms: int) -> dict[str, bool]:
        """Key of every row that gets no result to whether it is served all the same."""
        if now_ms >= self._calm_ms:
            return {}
        lost: dict[str, bool] = {}
        for row in rows:
            names = (self._account, row.key, self._times(row.key))
            if happens(self._profile.answers_missing_ppm, self._seed, "erp/unanswered", *names) and self._may(
                "missing_answers", f"{row.key}/{names[2]}", now_ms
            ):
                lost[row.key] = self._profile.batch_mode == "atomic" or happens(
                    self._profile.answers_missing_served_ppm, self._seed, "erp/unanswered/served", *names
                )
        return lost

    def mixed(self, results: list[T], call: str, now_ms: int) -> list[T]:
        """The results in the order in which they are answered. `call`: what it does, and the first name in it."""
        times = self._times(call)
        names = (self._account, call, times)
        if len(results) < 2 or now_ms >= self._calm_ms:
            return results
        if not happens(self._profile.answers_reordered_ppm, self._seed, "erp/reordered", *names):
            return results
        if not self._may("reordered_answers", f"{call}/{times}", now_ms):
            return results
        order = sorted(range(len(results)), key=lambda place: (chance(self._seed, "erp/order", *names, place), place))
        return [results[place] for place in order]

    def _times(self, name: str) -> int:
        times = self._came[name] = self._came.get(name, 0) + 1
        return times
