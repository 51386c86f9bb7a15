"""The rows of the report: of replies, of duets, of the corpus's answers as the model expects them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evaluation.voice.intervals import Estimate
from evaluation.voice.repeats import circling, verbatim
from evaluation.voice.words import words
from pipeline.measure.cases import Asked
from pipeline.measure.judging import CONTRAST, NUMBERS, OWN, Judge
from pipeline.measure.kept import Record
from pipeline.measure.rows import CORPUS, Row, quantiles, share_of, summed

LOSS = "loss of the corpus's answers, nats a token"


def of_replies(
    judge: Judge, asked: Sequence[Asked], replies: Mapping[str, Sequence[Record]], base: str
) -> list[Row]:
    """`replies` by system, in the order of `asked`. The corpus's own answers are measured as a system is."""
    clusters = {a.case.id: a.case.talk for a in asked}
    said = {CORPUS: [{"text": a.case.answer, "first": a.case.answer} for a in asked], **replies}
    systems = {
        name: {a.case.id: judge.measure(a, r["text"], r["first"]) for a, r in zip(asked, some, strict=True)}
        for name, some in said.items()
    }
    for name, some in replies.items():
        for a, record in zip(asked, some, strict=True):
            systems[name][a.case.id] |= {
                "cut off by the limit": float(record["finish"] == "limit"),
                "more than one try": float(record["tries"] > 1),
                "no reply after all tries": float(not record["text"]),
            }
    lengths = {
        name: {a.case.id: float(len(words(r["text"]))) for a, r in zip(asked, some, strict=True) if r["text"]}
        for name, some in said.items()
    }
    rows = summed(systems, clusters, base, numbers=NUMBERS)
    ratios = [share_of(f"{m}: ratio to the corpus", m, systems, clusters, CORPUS) for m in (CONTRAST, OWN)]
    return [*rows[:3], *ratios, *rows[3:], *quantiles("length in words", lengths, clusters)]


def of_duets(played: Mapping[str, Mapping[str, Sequence[str]]], base: str) -> list[Row]:
    """`played`: system -> duet -> turns."""
    systems: dict[str, dict[str, dict[str, float | None]]] = {}
    clusters: dict[str, str] = {}
    for system, some in played.items():
        own = systems[system] = {}
        for name, turns in some.items():
            rates, same = circling(turns), verbatim(turns)
            for at, twin in enumerate(same, 2):
                clusters[key := f"{name}/{at}"] = name
                own[key] = {
                    "4-grams that the duet had already": rates[at - 2],
                    "a turn says an earlier one again": float(twin),
                }
    return summed(systems, clusters, base)


def of_losses(
    losses: Mapping[str, Mapping[str, Record]], clusters: Mapping[str, str], base: str
) -> list[Row]:
    """`losses`: system -> case -> {nats, tokens}. Every token counts alike."""
    weights = {case: float(r["tokens"]) for some in losses.values() for case, r in some.items()}
    systems: dict[str, dict[str, dict[str, float | None]]] = {
        name: {case: {LOSS: r["nats"] / r["tokens"]} for case, r in some.items()}
        for name, some in losses.items()
    }
    found = summed(systems, clusters, base, numbers={LOSS}, weights=weights)
    perplexity = [
        Row("perplexity", "number", {s: _exp(e) for s, e in row.cells.items()}, {}) for row in found
    ]
    return [*found, *perplexity]


def _exp(nats: Estimate) -> Estimate:
    low, high = (None if b is None else math.exp(b) for b in (nats.low, nats.high))
    return replace(nats, value=math.exp(nats.value), low=low, high=high)
