"""Numbers that decorators hold."""

import math

from agent.character import LoreEntry


def number(entry: LoreEntry, name: str) -> float | None:
    """The number of a decorator, None where it is absent or has no finite one."""
    values = entry.decorators.get(name)
    try:
        found = float(values[0]) if values else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) else None
