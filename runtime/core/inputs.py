"""What a partition can hear: news from outside, commands from people, and word of its own calls."""

from collections.abc import Mapping
from dataclasses import field

from runtime.core.answers import CallAnswer
from runtime.core.effects import Effect
from runtime.core.news import News
from runtime.core.value import value


@value
class Waive:
    """A person gives a parked entry up for good."""

    entry_id: str
    who: str
    why: str


@value
class Retry:
    """A person says: try these parked entries again."""

    entry_ids: tuple[str, ...]
    who: str
    why: str


@value
class Pause:
    """A person stops this partition from posting; intake goes on."""

    who: str
    why: str


@value
class Resume:
    """A person lets a paused partition post again."""

    who: str
    why: str


@value
class Sending:
    """The shell is about to let this call leave. Journalled before the first byte."""

    effect: Effect


@value
class PermitCame:
    """A call to the ERP may leave: whatever stands at the head of the queue and cannot go has to be said now."""


@value
class Answered:
    """A call of ours came back, or was given up.

    For a recount, `seen` tells which versions the journal knows of the entries listed, as bit masks (bit v for
    version v); entries in memory need no mention.
    """

    call_id: str
    answer: CallAnswer
    seen: Mapping[str, int] = field(default_factory=dict)


@value
class Restarted:
    """The process is back. Every call that was on the wire is now silent."""

    epoch: int


Command = Waive | Retry | Pause | Resume
Input = News | Command | PermitCame | Sending | Answered | Restarted
