"""The table, for people (text, markdown) and for programs (JSON)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from evaluation.voice.intervals import Estimate
from pipeline.measure.rows import CORPUS, Row


def text(rows: Sequence[Row]) -> str:
    """Columns side by side."""
    head, lines = _cells(rows)
    wide = [max(len(line[n]) for line in (head, *lines)) for n in range(len(head))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, wide, strict=True)).rstrip() for line in (head, *lines)
    )


def markdown(title: str, about: Mapping[str, str], rows: Sequence[Row]) -> str:
    head, lines = _cells(rows)
    told = [f"- {name}: {value}" for name, value in about.items()]
    table = ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines)]
    return "\n".join([f"# {title}", "", *told, "", *table, ""])


def plain(rows: Sequence[Row]) -> list[dict[str, object]]:
    """JSON-ready."""
    return [asdict(row) for row in rows]


def _cells(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    systems = list(dict.fromkeys(s for row in rows for s in row.cells))
    systems.sort(key=lambda s: s != CORPUS)
    tuned = list(dict.fromkeys(s for row in rows for s in row.gaps))
    head = ["measure", "n", *systems, *(f"{s} less base" for s in tuned)]
    return head, [
        [
            row.name,
            _sizes(row),
            *(_cell(row.cells.get(s), row.kind) for s in systems),
            *(_cell(row.gaps.get(s), row.kind, sign=True) for s in tuned),
        ]
        for row in rows
    ]


def _sizes(row: Row) -> str:
    """How many replies, in how many clusters; the most where systems differ."""
    most = max(row.cells.values(), key=lambda e: e.n, default=None)
    return f"{most.n} in {most.clusters}" if most else "0"


def _cell(found: Estimate | None, kind: str, *, sign: bool = False) -> str:
    if found is None:
        return "–"
    bounds = (
        "unknown"
        if found.low is None or found.high is None
        else f"{_one(found.low, kind)} to {_one(found.high, kind)}"
    )
    return f"{_one(found.value, kind, '+' if sign else '')} [{bounds}]"


def _one(value: float, kind: str, sign: str = "") -> str:
    return f"{100 * value:{sign}.1f}%" if kind == "share" else f"{value:{sign}.2f}"
