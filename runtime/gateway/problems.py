"""Everything that can be wrong with a request, as a table, and how it is said: RFC 9457, application/problem+json.

A problem is one answer for a whole request. What is wrong with single items of a delivery stands in its results.
`type` is "urn:springtide:problem:" and the key of PROBLEMS; programs go by it, people by `title` and `detail`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from runtime.core.value import value

PROBLEMS: dict[str, tuple[int, str]] = {
    # the request as such
    "malformed": (400, "The body is not what its type says"),
    "bad-gzip": (400, "The gzip body cannot be expanded"),
    "too-deep": (400, "The JSON is nested too deeply"),
    "invalid": (400, "The request does not say what is needed"),
    "client-left": (400, "The client went away before the request was complete"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This cannot be done here"),
    "too-slow": (408, "The request took too long to arrive"),
    "too-large": (413, "The body is too large"),
    "too-many-items": (413, "There are too many items in one request"),
    "wrong-content-type": (415, "The body is of a type that cannot be taken here"),
    "wrong-content-encoding": (415, "The body is packed in a way that cannot be unpacked here"),
    # who asks
    "not-authenticated": (401, "Nobody knows who asks"),
    "token-expired": (401, "The credential has expired"),
    "webhook-unsigned": (401, "The delivery is not signed by its source"),
    "webhook-too-old": (401, "The delivery was signed too long ago, or in the future"),
    "webhook-replayed": (409, "The delivery was taken in before"),
    "forbidden": (403, "The caller may not do this"),
    # what is asked for
    "unknown-entity": (404, "No such legal entity is configured"),
    "unknown-entry": (404, "This entry was never heard of"),
    "unknown-host": (404, "No living host has this name, or is in this region"),
    "one-process": (409, "There is one process here, and nothing to roll"),
    "nothing-taken": (422, "Nothing of the delivery was taken in"),
    # the bounds of intake, all with Retry-After
    "undecided_bytes": (429, "Too much is undecided; deliver again later"),
    "letters_bytes": (429, "Too much of this source waits as dead letters; deliver again later"),
    "commit_queue": (503, "Too much waits for the journal; deliver again later"),
    "bodies_bytes": (503, "Too many bytes are being read at once; deliver again later"),
    "concurrent_calls": (503, "Too many deliveries at once; deliver again later"),
    "disk_headroom": (503, "The disk is nearly full; deliver again later"),
    "moving": (503, "The partition restarts or moves; deliver again later"),
    # ours
    "internal": (500, "Something went wrong here"),
}
"""Problem to (status, title)."""

BOUNDS = (
    "undecided_bytes",
    "letters_bytes",
    "commit_queue",
    "bodies_bytes",
    "concurrent_calls",
    "disk_headroom",
    "moving",
)
"""Problems that pass: nothing was lost, deliver again. All but letters_bytes by themselves."""

TYPE = "urn:springtide:problem:"
CONTENT_TYPE = b"application/problem+json"


@value
class Flaw:
    """One thing that is wrong: where (a JSON pointer, or ""), and what."""

    pointer: str
    detail: str


class ProblemError(Exception):
    """The request cannot be carried out; the gateway answers with this problem."""

    def __init__(
        self,
        problem: str,
        detail: str,
        errors: Sequence[Flaw] = (),
        headers: Sequence[tuple[bytes, bytes]] = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(problem, detail, errors, headers, more)
        self.problem = problem
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.more = more


def problem_body(problem: str, detail: str, instance: str, errors: Sequence[Flaw], more: Mapping[str, Any]) -> bytes:
    """The problem as JSON; `more` are further members, such as the results of a delivery."""
    status, title = PROBLEMS[problem]
    return msgspec.json.encode(
        {
            "type": TYPE + problem,
            "title": title,
            "status": status,
            "detail": detail,
            "instance": instance,
            "errors": errors,
            **more,
        }
    )


def retry_after(after_ms: int) -> tuple[bytes, bytes]:
    """The header that says when to come again, in whole seconds, at least one."""
    return b"retry-after", b"%d" % max(1, -(-after_ms // 1_000))
