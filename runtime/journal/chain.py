"""The hash chain over the frames of a log, and how an entry is found in them: what every journal shares.

Whoever holds the head of the chain can tell whether a log is the one that was written.
"""

import json
from hashlib import sha256

GENESIS = "0" * 64
"""The chain before the first frame."""


def link(chain: str, frame: bytes) -> str:
    """The chain with one more frame: hex sha256 of the chain so far and the frame."""
    hashed = sha256(chain.encode())
    hashed.update(frame)
    return hashed.hexdigest()


def named(entry_id: str) -> bytes:
    """The bytes that a frame which names the entry contains: its id as JSON writes it inside a string.

    Other entries whose ids contain this one contain the bytes as well; whoever reads the frames sorts them out.
    """
    return json.dumps(entry_id, ensure_ascii=False)[1:-1].encode()
