"""Runs of words that a text has in common with others, found word by word."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from agent.words import words

Ends = Mapping[int, int]  # place in the source -> words of the run that ends there


class Source:
    """Texts in which runs are looked for; no run goes over a text's end."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._places: dict[str, list[int]] = defaultdict(list)
        at = 0
        for text in texts:
            for word in words(text):
                self._places[word].append(at)
                at += 1
            at += 1

    def after(self, ends: Ends, word: str) -> Ends:
        """The runs that end with this word, from those that ended with the one before."""
        return {at: ends.get(at - 1, 0) + 1 for at in self._places.get(word, ())}


def longest(ends: Ends) -> int:
    return max(ends.values(), default=0)
