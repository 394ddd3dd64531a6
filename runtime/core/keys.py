"""The one function that makes idempotency keys, for the normal, the adjusting and the replay path alike (D1)."""

from hashlib import blake2b

from runtime.core.model import Leg


def effect_key(
    tenant: str, home: str, entry_id: str, version: int, kind: str, leg: Leg, intent: int, room: int, folded: bool
) -> str:
    """The name of one effect in the target system: a pure function of durable business facts.

    No attempt, time, process or batch is in it. `intent` counts definite refusals, not attempts. `room` is the
    longest key the target keeps whole, `folded` whether it ignores case (its declared capabilities): a longer key, or
    one with capitals, gives way to a digest of itself, since a target that truncates or folds would merge two effects.
    """
    key = f"{tenant}/{home}/{entry_id}/{version}/{kind}/{leg}/{intent}"
    if len(key) <= room and not (folded and key != key.lower()):
        return key
    return blake2b(key.encode(), digest_size=min(32, room // 2)).hexdigest()
