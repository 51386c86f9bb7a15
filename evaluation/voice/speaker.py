"""Can one tell from a reply who speaks? A nearest-profile classifier: TF-IDF of words, cosine, no training."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.voice.repeats import without_runs
from evaluation.voice.words import stem, words

RECITED = 5  # words in a row of the own profile: they tell what was read, not who speaks


class Voices:
    """Profiles by character, as vectors. `names` are words that count for nobody: a reply that says its own name would
    be named by that alone."""

    def __init__(self, profiles: Mapping[str, str], names: Collection[str] = ()) -> None:
        self._names = frozenset(stem(w) for name in names for w in words(name))
        self._profiles = dict(profiles)
        counts = {who: Counter(self._stems(words(text))) for who, text in profiles.items()}
        spread = Counter(term for found in counts.values() for term in found)
        self._index = {term: n for n, term in enumerate(sorted(spread))}
        self._weights = np.array([math.log((1 + len(counts)) / (1 + spread[t])) + 1 for t in self._index])
        self._vectors = {who: self._vector(found) for who, found in counts.items()}

    def named(self, reply: str, right: str, others: Sequence[str]) -> float:
        """1 where the right one is nearest of all, 0 where it is not, a share of 1 where several are equally near: a
        reply that says nothing names nobody."""
        own = without_runs(reply, [self._profiles[right]], RECITED)
        vector = self._vector(Counter(self._stems(own)))
        near = {who: float(vector @ self._vectors[who]) for who in (right, *others)}
        best = max(near.values())
        nearest = [who for who, value in near.items() if value >= best - 1e-12]
        return 1 / len(nearest) if right in nearest else 0.0

    def _stems(self, said: Sequence[str]) -> list[str]:
        return [s for s in map(stem, said) if s not in self._names]

    def _vector(self, counts: Mapping[str, int]) -> NDArray[np.float64]:
        vector = np.zeros(len(self._index))
        for term, count in counts.items():
            if (at := self._index.get(term)) is not None:
                vector[at] = (1 + math.log(count)) * self._weights[at]
        length = float(np.linalg.norm(vector))
        return vector / length if length else vector
