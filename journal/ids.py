"""Identifiers that sort by the time they were made: 26 characters of Crockford's base 32, as in the ULID
specification (48 bits of milliseconds, 80 bits of chance)."""

import os
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHANCE_BITS = 80
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A fresh id. Later calls in this process sort after earlier ones, even when the clock steps back."""
    global _last
    fresh = (time.time_ns() // 1_000_000) << _CHANCE_BITS | int.from_bytes(
        os.urandom(_CHANCE_BITS // 8), "big"
    )
    with _lock:
        _last = fresh if fresh > _last else _last + 1
        value = _last
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
