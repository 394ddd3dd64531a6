"""The written form of records, entries and heads: JSON that names each record's kind and version.

A frame is one decision batch: `[format, at_ms, [[kind, version, fields], ...]]`. A newer build reads every older
version through an upcaster; a kind or version that this build does not know stops the partition with a clear
message instead of being skipped, since skipping a record is losing it.
"""

from collections.abc import Callable, Sequence
from typing import Any, get_args

import msgspec

from runtime.core.partition.state import Head, Tracked, VersionNote
from runtime.core.records import Record

FORMAT = 1

KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(Record)}
"""Every record kind by its written name."""

VERSIONS: dict[str, int] = dict.fromkeys(KINDS, 1)
"""The version in which each kind is written now."""
VERSIONS |= {"RatesChanged": 2, "EntryReceived": 2, "EntryExcluded": 2}


def _not_submitted(fields: Any) -> Any:
    """An approval that was written before anybody asked when its line was handed in."""
    return {**fields, "approval": {**fields["approval"], "submitted_at_ms": 0}}


UPCASTERS: dict[tuple[str, int], Callable[[Any], Any]] = {
    ("EntryReceived", 1): _not_submitted,
    ("EntryExcluded", 1): _not_submitted,
    # Version 2 counts the publications of a line; what was published before is its first.
    ("RatesChanged", 1): lambda fields: {"lines": [{**line, "version": 1} for line in fields["lines"]]},
}
"""(kind, old version) to a function from the old fields to the next version's fields."""


class UnknownRecordError(Exception):
    """The journal holds something that this build cannot read; a newer build wrote it, or it is damaged."""


class _Reason(msgspec.Struct):
    reason: str


class _Places(msgspec.Struct):
    entry_id: str
    versions: dict[int, VersionNote]
    excluded: str
    park: _Reason | None


_encoder = msgspec.json.Encoder(order=None)
_frame_decoder = msgspec.json.Decoder(tuple[int, int, list[tuple[str, int, msgspec.Raw]]])
_entry_decoder = msgspec.json.Decoder(Tracked)
_places_decoder = msgspec.json.Decoder(_Places)
_head_decoder = msgspec.json.Decoder(Head)
_record_decoders: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()
}
_NAMED = {kind: (name, VERSIONS[name]) for name, kind in KINDS.items()}


def write_frame(records: Sequence[Record], at_ms: int) -> bytes:
    """One decision batch as bytes; the same records give the same bytes in every run."""
    return _encoder.encode((FORMAT, at_ms, [(*_NAMED[type(record)], record) for record in records]))


def read_frame(frame: bytes) -> tuple[int, list[Record]]:
    """(at_ms, records) of a frame. Raises UnknownRecordError for what this build cannot read."""
    try:
        written, at_ms, rows = _frame_decoder.decode(frame)
    except msgspec.MsgspecError as fault:
        raise UnknownRecordError(f"a frame is not readable ({fault}); restore the journal from its replica") from fault
    if written != FORMAT:
        raise UnknownRecordError(
            f"the journal is written in format {written}, this build reads {FORMAT}; use a newer build"
        )
    return at_ms, [_read_record(name, version, raw) for name, version, raw in rows]


def _read_record(name: str, version: int, raw: msgspec.Raw) -> Record:
    decoder = _record_decoders.get(name)
    if decoder is None or version > VERSIONS[name]:
        raise UnknownRecordError(
            f"the journal holds {name} version {version}, which this build does not know; use a newer one"
        )
    if version == VERSIONS[name]:
        record: Record = decoder.decode(raw)
        return record
    fields: Any = msgspec.json.decode(raw)
    for old in range(version, VERSIONS[name]):
        fields = UPCASTERS[name, old](fields)
    upcast: Record = msgspec.convert(fields, KINDS[name], strict=False)
    return upcast


def write_entry(entry: Tracked) -> bytes:
    """One entry as a row of the table."""
    return _encoder.encode(entry)


def read_entry(row: bytes) -> Tracked:
    """An entry from its row."""
    return _entry_decoder.decode(row)


def read_places(row: bytes) -> tuple[str, str, dict[int, VersionNote]]:
    """(entry, why it is parked or left out, its versions in the books) of a row, without reading all of it."""
    view = _places_decoder.decode(row)
    return view.entry_id, view.park.reason if view.park is not None else view.excluded, view.versions


def write_head(head: Head) -> bytes:
    """Everything of a state but its entries."""
    return _encoder.encode(head)


def read_head(row: bytes) -> Head:
    """A head from what `write_head` wrote."""
    return _head_decoder.decode(row)
