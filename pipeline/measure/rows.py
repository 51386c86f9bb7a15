"""From values of single replies to a table's rows: means with intervals, system beside system."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from evaluation.voice.intervals import Estimate, quantile, ratio, wilson

CORPUS = "corpus"  # the column of the corpus's own answers
Values = Mapping[
    str, Mapping[str, float | None]
]  # key of a reply -> measure -> value, None where it has none


@dataclass(frozen=True, slots=True)
class Row:
    """One measure. `cells` by system; `gaps` by tuned system: its value less the base's, on the replies of both.
    `kind` is `number` or `share`."""

    name: str
    kind: str
    cells: Mapping[str, Estimate]
    gaps: Mapping[str, Estimate]


def summed(
    systems: Mapping[str, Values],
    clusters: Mapping[str, str],
    base: str,
    *,
    numbers: Collection[str] = (),
    weights: Mapping[str, float] | None = None,
) -> list[Row]:
    """A row for every measure that some reply has, in the order met. `clusters` by key, as `weights`, where replies do
    not count alike."""
    names = list(dict.fromkeys(n for some in systems.values() for own in some.values() for n in own))
    rows = []
    for name in names:
        found = {s: _of(name, some) for s, some in systems.items()}
        kind = "number" if name in numbers else "share"
        cells = {s: _mean(own, clusters, weights) for s, own in found.items() if own}
        cells = {s: _widened(e) if kind == "share" else e for s, e in cells.items()}
        first = found.get(base, {})
        changes = {
            s: {k: own[k] - first[k] for k in own if k in first}
            for s, own in found.items()
            if s not in (base, CORPUS)
        }
        gaps = {s: _mean(own, clusters, weights) for s, own in changes.items() if own}
        rows.append(Row(name, kind, cells, gaps))
    return rows


def share_of(
    name: str, of: str, systems: Mapping[str, Values], clusters: Mapping[str, str], whole: str
) -> Row:
    """What part of the mean of `whole` (a system) for the measure `of` each other system reaches, on the same keys."""
    right = _of(of, systems[whole])
    cells = {}
    for system, some in systems.items():
        own = _of(of, some)
        keys = [k for k in right if k in own]
        if system != whole and sum(right[k] for k in keys) > 0:
            where = [clusters[k] for k in keys]
            cells[system] = ratio([own[k] for k in keys], [right[k] for k in keys], where)
    return Row(name, "number", cells, {})


def quantiles(
    name: str, systems: Mapping[str, Mapping[str, float]], clusters: Mapping[str, str]
) -> list[Row]:
    """Median, 10th and 90th percentile of one value a key."""
    return [
        Row(
            f"{name}, {label}",
            "number",
            {s: quantile(list(v.values()), q, [clusters[k] for k in v]) for s, v in systems.items() if v},
            {},
        )
        for label, q in (("median", 0.5), ("10th percentile", 0.1), ("90th percentile", 0.9))
    ]


def _of(name: str, some: Values) -> dict[str, float]:
    return {key: value for key, own in some.items() if (value := own.get(name)) is not None}


def _widened(found: Estimate) -> Estimate:
    """A share of none or all: no bootstrap sees what did not happen, so Wilson's bound stands, a vote a cluster."""
    if found.value not in (0.0, 1.0) or found.clusters < 2:
        return found
    low, high = wilson(round(found.value * found.clusters), found.clusters)
    return replace(found, low=low, high=high)


def _mean(
    values: Mapping[str, float], clusters: Mapping[str, str], weights: Mapping[str, float] | None
) -> Estimate:
    by = [weights[k] if weights else 1.0 for k in values]
    tops = [value * weight for value, weight in zip(values.values(), by, strict=True)]
    return ratio(tops, by, [clusters[k] for k in values])
