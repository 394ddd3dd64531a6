"""The file in which decisions are kept: one line of JSON for each, appended, and durable before anybody hears of it.

Rule 1. What was not wholly written was never acknowledged: half a line at the end is cut off at the start.
Rule 2. Anything else that cannot be read stops the start, with the number of the line. Nobody guesses at approvals.
Rule 3. One process at a time, by a lock that goes with the process.
"""

import fcntl
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from runtime.approvals.book import Kept

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Kept).decode


class NotKeptError(Exception):
    """Nothing was kept, or nobody knows: one line."""


class KeptFile:
    """Everything that was decided and told, in order."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it. Raises NotKeptError."""
        self._path = path
        self._broken = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as fault:
            raise NotKeptError(f"{path}: {fault.strerror}; give another kept.file") from fault
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            os.close(self._file)
            raise NotKeptError(f"{path}: another process has it open; end that one first") from fault

    def read(self) -> Sequence[Kept]:
        """What was kept so far. Raises NotKeptError."""
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.ftruncate(self._file, whole)
        kept: list[Kept] = []
        for number, line in enumerate(content[:whole].splitlines(), 1):
            try:
                kept.append(_decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
                raise NotKeptError(f"{self._path}:{number}: cannot be read ({fault}); restore it from a copy") from None
        return kept

    def append(self, kept: Iterable[Kept]) -> None:
        """Keep these: all of them or none. Returns once they are durable. Raises NotKeptError."""
        if self._broken:
            raise NotKeptError(self._broken)
        text = b"".join(_encode(one) + b"\n" for one in kept)
        if not text:
            return
        size = os.fstat(self._file).st_size
        try:
            if os.write(self._file, text) != len(text):
                raise OSError(28, "no space left")
        except OSError as fault:
            os.ftruncate(self._file, size)
            raise NotKeptError(f"{self._path}: {fault.strerror}; nothing was kept") from fault
        try:
            os.fsync(self._file)
        except OSError as fault:
            # What the disk has now nobody knows. A second fsync may say that all is well when it is not.
            self._broken = f"{self._path}: {fault.strerror}; look at the disk, and start again"
            raise NotKeptError(self._broken) from fault

    def close(self) -> None:
        """Give it back."""
        os.close(self._file)
