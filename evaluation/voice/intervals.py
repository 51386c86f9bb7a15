"""How sure a figure is: percentile bootstrap over clusters (Davison and Hinkley 1997, section 3.8), Wilson for votes.

Replies of one dialogue are not independent, so dialogues are drawn with replacement, each with all of its replies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

REPLICATES, LEVEL, SEED = 4_000, 0.95, 0
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of `n` values in so many clusters, with its 95% interval; None for the bounds where one cluster, or a
    ratio to nothing, leaves them unknown."""

    value: float
    low: float | None
    high: float | None
    n: int
    clusters: int


def mean(values: ArrayLike, clusters: Sequence[str], *, seed: int = SEED) -> Estimate:
    """Raises ValueError without values."""
    return ratio(values, np.ones(len(clusters)), clusters, seed=seed)


def ratio(tops: ArrayLike, bottoms: ArrayLike, clusters: Sequence[str], *, seed: int = SEED) -> Estimate:
    """Sum by sum, both drawn together. Raises ValueError without values, or where the bottoms come to 0."""
    top, bottom = np.asarray(tops, np.float64), np.asarray(bottoms, np.float64)
    if not len(top) or not bottom.sum():
        raise ValueError("there is nothing to divide by")
    rows, size = _rows(clusters)
    draws = _draws(size, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (draws @ np.bincount(rows, top)) / (draws @ np.bincount(rows, bottom))
    return _estimate(float(top.sum() / bottom.sum()), found[np.isfinite(found)], len(top), size)


def quantile(values: ArrayLike, q: float, clusters: Sequence[str], *, seed: int = SEED) -> Estimate:
    """The smallest value that a share `q` of them does not exceed. Raises ValueError without values."""
    found = np.asarray(values, np.float64)
    if not len(found):
        raise ValueError("there are no values")
    rows, size = _rows(clusters)
    order = np.argsort(found, kind="stable")
    weights = np.cumsum(_draws(size, seed)[:, rows[order]], axis=1)
    at = (weights >= q * weights[:, -1:] - 1e-9).argmax(axis=1)
    value = found[order][max(0, int(np.ceil(q * len(found) - 1e-9)) - 1)]
    return _estimate(float(value), found[order][at], len(found), size)


def wilson(wins: int, n: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson 1927); all of it for no votes."""
    if not n:
        return 0.0, 1.0
    z, share = 1.959964, wins / n
    middle, half = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    return max(0.0, float((middle - half) / whole)), min(1.0, float((middle + half) / whole))


def _rows(clusters: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    names = {name: n for n, name in enumerate(sorted(set(clusters)))}
    return np.fromiter((names[c] for c in clusters), np.int64, len(clusters)), len(names)


def _draws(size: int, seed: int) -> Floats:
    """How often each cluster was drawn, one row a replicate."""
    drawn = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=REPLICATES)
    return drawn.astype(np.float64)


def _estimate(value: float, found: Floats, n: int, clusters: int) -> Estimate:
    if clusters < 2 or not len(found):
        return Estimate(value, None, None, n, clusters)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), n, clusters)
