"""From a request to its first word and to the whole reply, by the clock of this machine.

Cold: another character's prompt lies in the model's memory. Warm: the next turn of the same dialogue follows, whose
head is there already. The history is the corpus's own, so that all systems read the same.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass

import numpy as np

from agent.agent import Agent, Reply
from agent.backends.base import Backend, Request, Sampling
from agent.settings import AgentSettings
from pipeline.corpus.people import characters
from pipeline.measure.cases import Case, cases, part_of, seed_for
from pipeline.measure.kept import Kept
from pipeline.measure.run import Plan, Tick
from pipeline.measure.speaking import Voice, make, started

REPLIES = 20  # of each kind, where no limit is given


@dataclass(frozen=True, slots=True)
class Timed:
    """One reply. Seconds; `cached` of `prompt` tokens were in the model's memory."""

    first: float
    whole: float
    prompt: int
    cached: int
    tokens: int


def successive(cases: Sequence[Case], most: int) -> list[tuple[Case, Case]]:
    """The first two turns of so many dialogues in which one character speaks twice."""
    by_talk: dict[str, list[Case]] = {}
    for case in cases:
        by_talk.setdefault(case.talk, []).append(case)
    twice = [own for own in by_talk.values() if len(own) > 1 and len({c.ask.character.id for c in own}) == 1]
    return [(own[0], own[1]) for own in twice[:most]]


async def timed(voice: Voice, pair: tuple[Case, Case], others: Sequence[Case], n: int) -> list[Timed]:
    """Cold and warm, after a prompt of another character (the nth) was read."""
    strangers = [c for c in others if c.ask.character.id != pair[0].ask.character.id]
    stranger = strangers[n % len(strangers)]
    messages = await voice.messages(stranger.ask, stranger.id)
    await _read(voice.backend, Request(messages, Sampling(max_tokens=1, seed=1)))
    return [await _time(voice.backend, voice.settings, case, seed_for(voice.seed, case.id)) for case in pair]


async def _read(backend: Backend, request: Request) -> None:
    async for _ in backend.generate(request):
        pass


async def _time(backend: Backend, settings: AgentSettings, case: Case, seed: int) -> Timed:
    began, first = time.perf_counter(), 0.0
    async with aclosing(Agent(backend, settings).reply(case.ask, seed=seed)) as steps:
        async for step in steps:
            now = time.perf_counter() - began
            if isinstance(step, Reply):
                told = step.facts
                return Timed(first or now, now, told.prompt_tokens, told.cached_tokens, told.reply_tokens)
            first = first or now
    raise RuntimeError("a reply ended without a Reply")


def lines(system: str, found: Mapping[str, Sequence[Timed]]) -> list[dict[str, object]]:
    """Rows of the table: medians and 95th percentiles in milliseconds, medians of tokens."""
    rows: list[dict[str, object]] = []
    for kind, some in found.items():
        table = np.array([list(asdict(t).values()) for t in some])
        middle, high = np.quantile(table, 0.5, axis=0), np.quantile(table, 0.95, axis=0)
        rows.append(
            {
                "system": system,
                "memory": kind,
                "n": len(some),
                "first word p50 ms": round(middle[0] * 1000),
                "first word p95 ms": round(high[0] * 1000),
                "whole p50 ms": round(middle[1] * 1000),
                "whole p95 ms": round(high[1] * 1000),
                "prompt tokens": round(middle[2]),
                "of them in memory": round(middle[3]),
                "reply tokens": round(middle[4]),
            }
        )
    return rows


async def measure(plan: Plan, settings: AgentSettings, tick: Tick) -> list[dict[str, object]]:
    """Rows for each system. Nothing is kept: a clock's figures belong to one sitting."""
    every = cases(part_of(plan.talks, plan.part), characters())
    pairs = successive(every, plan.limit or REPLIES)
    for adapter in plan.systems.values():
        await make(settings, adapter).check()
    plan.to.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, adapter in plan.systems.items():
        async with started(settings, adapter) as backend:
            voice = Voice(name, backend, settings, Kept(plan.to / "none.jsonl"), seed=plan.seed)
            found: dict[str, list[Timed]] = {"cold": [], "warm": []}
            for n, pair in enumerate(pairs, 1):
                cold, warm = await timed(voice, pair, every, n)
                found["cold"].append(cold)
                found["warm"].append(warm)
                tick(f"latency, {name}", n, len(pairs), True)
        rows += lines(name, found)
    return rows
