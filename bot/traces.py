"""What is left to see of an answer that did not come."""

_BECAME = {
    "stopped": "was stopped before a whole sentence",
    "handed-back": "was interrupted",
    "failed": "could not answer",
}


def trace(name: str, state: str) -> str:
    """What stands in the place of the answer; `state` is one of journal.turns.UNSAID."""
    return f"({name} {_BECAME[state]}.)"


def asks_again(name: str, state: str) -> str:
    """The same for platforms where the way on is typed."""
    return f"({name} {_BECAME[state]}. /again asks once more.)"
