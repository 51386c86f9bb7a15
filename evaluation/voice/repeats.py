"""Words taken over as they stand: runs that a reply shares with something else, and talk that goes in circles."""

from collections.abc import Iterable, Sequence

from evaluation.voice.words import words

RUN = 8  # words in a row that nobody says twice by chance
QUESTION = 4  # words that a shorter question has at least, to be repeated whole
GRAM = 4
Run = tuple[str, ...]


def runs(text: str, size: int = RUN) -> set[Run]:
    """All runs of `size` words."""
    said = words(text)
    return {tuple(said[i : i + size]) for i in range(len(said) - size + 1)}


def every_run(texts: Iterable[str], size: int = RUN) -> set[Run]:
    return set[Run]().union(*(runs(t, size) for t in texts))


def repeats_question(reply: str, question: str) -> bool:
    """Whether the reply has eight words in a row of the question, or the whole of one of four to seven words. One
    of fewer words is never repeated: people do say `What is it` by themselves."""
    size = min(RUN, len(words(question)))
    return size >= QUESTION and bool(runs(reply, size) & runs(question, size))


def copies(reply: str, source: Iterable[str], *, besides: Iterable[str] = ()) -> bool:
    """Whether the reply has eight words in a row of `source` that `besides` does not have."""
    mine = runs(reply)
    return bool(mine) and bool(mine & every_run(source) - every_run(besides))


def without_runs(text: str, sources: Iterable[str], size: int) -> list[str]:
    """The words of a text but for those in a run of at least `size` that some source has."""
    said, taken = words(text), every_run(sources, size)
    drop = {
        at + n
        for at in range(len(said) - size + 1)
        if tuple(said[at : at + size]) in taken
        for n in range(size)
    }
    return [w for at, w in enumerate(said) if at not in drop]


def circling(turns: Sequence[str]) -> list[float | None]:
    """For each turn from the second on: the share of its 4-grams that an earlier turn had; None for a turn of fewer
    than four words."""
    before: set[Run] = set()
    shares: list[float | None] = []
    for at, turn in enumerate(turns):
        own = runs(turn, GRAM)
        if at:
            shares.append(len(own & before) / len(own) if own else None)
        before |= own
    return shares


def verbatim(turns: Sequence[str]) -> list[bool]:
    """For each turn from the second on: whether an earlier one had the same words."""
    heard = [tuple(words(t)) for t in turns]
    return [bool(heard[i]) and heard[i] in heard[:i] for i in range(1, len(heard))]
