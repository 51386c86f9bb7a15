"""Does a reply speak of its own picture rather than of any picture?"""

from collections.abc import Collection, Sequence

from evaluation.voice.words import content


def contrast(
    reply: str, notes: Sequence[str], others: Sequence[str], *, known: Collection[str] = frozenset()
) -> float:
    """How many content words the reply shares with its notes, less how many it shares with another note (the mean
    over `others`). Stems in `known` count on neither side: those that a turn had said already, say.

    Above 0 only where a reply takes words from this note and not from notes at large; a longer reply can share more.
    Raises ValueError without other notes.
    """
    if not others:
        raise ValueError("no other note to compare with")
    said = content(reply) - set(known)
    right = frozenset[str]().union(*map(content, notes))
    return len(said & right) - sum(len(said & content(o)) for o in others) / len(others)
