"""One measurement from start to end: what is asked, what each system says, the report."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from agent.errors import ConfigError
from agent.settings import AgentSettings
from evaluation.splits import Part
from pipeline.corpus.people import characters
from pipeline.corpus.read import Talk, read
from pipeline.measure import figures, table
from pipeline.measure.cases import Asked, Case, cases, part_of, some
from pipeline.measure.duets import TURNS, Duet, duets, play
from pipeline.measure.judging import LEGEND, Judge
from pipeline.measure.kept import Kept, Record
from pipeline.measure.rows import Row
from pipeline.measure.speaking import Voice, digest, gguf, make, started
from pipeline.measure.thirty import thirty

BASE = "base"
What = Literal["replies", "duets", "loss"]
EVERYTHING: tuple[What, ...] = ("replies", "duets", "loss")
Tick = Callable[
    [str, int, int, bool], None
]  # what, how many are done, of how many, whether the last one was new


@dataclass(frozen=True)
class Plan:
    """What to measure. `systems`: name -> adapter file, "" for none; BASE is one of them. `first`: so many prompts of
    the part's beginning are printed side by side."""

    to: Path
    systems: Mapping[str, str]
    part: Part = Part.DEV
    limit: int | None = None
    seed: int = 1
    only: Sequence[What] = EVERYTHING
    first: int = 0
    duets: int = 10
    talks: Sequence[Talk] = field(default_factory=read)


def systems(adapters: Sequence[Path]) -> dict[str, str]:
    """The base, and each adapter by its file's name. Raises ConfigError where one is not there, or two are called
    alike."""
    found = {BASE: ""}
    for path in adapters:
        if not path.is_file():
            mend = "name the GGUF file that the training wrote"
            raise ConfigError("there is no such adapter", where=str(path), mend=mend)
        if path.stem in found:
            mend = "rename one: the file's name is the system's name in the table"
            raise ConfigError(f"two systems are called {path.stem!r}", where=str(path), mend=mend)
        found[path.stem] = str(path.resolve())
    return found


@dataclass
class Heard:
    """What all were asked, and what the systems said, by their names."""

    asked: list[Asked] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    replies: dict[str, list[Record]] = field(default_factory=dict)
    duets: dict[str, dict[str, list[str]]] = field(default_factory=dict)


async def measure(plan: Plan, settings: AgentSettings, tick: Tick) -> list[Row]:
    """Writes the report into the plan's folder and returns its rows. Raises CorpusError for an empty part, BackendError
    for a file that does not load; what was said until then is kept."""
    people = characters()
    part = part_of(plan.talks, plan.part)
    every = cases(part, people)
    chosen = some(every, plan.limit)
    scenes = duets(part, people, plan.part, plan.duets, plan.seed) if "duets" in plan.only else []
    for adapter in plan.systems.values():  # before anything is waited for
        await make(settings, adapter).check()
    plan.to.mkdir(parents=True, exist_ok=True)
    ids = {c.id for c in chosen}
    wanted = [*chosen, *(c for c in every[: plan.first] if c.id not in ids)]
    heard = Heard()
    for name in plan.systems:
        await _hear(plan, settings, name, wanted, scenes, heard, tick)
    asked = heard.asked
    if plan.first:
        page = _side_by_side(every[: plan.first], asked, heard.replies)
        (plan.to / "thirty.md").write_text(page, encoding="utf-8")
    n = len(chosen)
    rows: list[Row] = []
    if "replies" in plan.only:
        judge = Judge(every, people, seed=plan.seed)
        rows += figures.of_replies(judge, asked[:n], {s: r[:n] for s, r in heard.replies.items()}, BASE)
    if "duets" in plan.only:
        rows += figures.of_duets(heard.duets, BASE)
    if "loss" in plan.only:
        losses = await asyncio.to_thread(_losses, plan, settings, asked[:n], heard.models, tick)
        rows += figures.of_losses(losses, {c.id: c.talk for c in chosen}, BASE)
    _write(plan, settings, heard.models, rows, n)
    return rows


async def _hear(
    plan: Plan,
    settings: AgentSettings,
    name: str,
    wanted: Sequence[Case],
    scenes: Sequence[Duet],
    heard: Heard,
    tick: Tick,
) -> None:
    """Everything that one system is to say."""
    async with started(settings, plan.systems[name]) as backend:
        voice = Voice(name, backend, settings, Kept(plan.to / f"replies-{name}.jsonl"), seed=plan.seed)
        heard.models[name] = voice.model
        heard.asked = heard.asked or await _asked(voice, wanted, tick)
        if "replies" in plan.only or plan.first:
            heard.replies[name] = await replies(voice, heard.asked, tick)
        played = heard.duets.setdefault(name, {})
        for scene in scenes:
            before = len(played) * TURNS

            def told(turn: int, new: bool, before: int = before) -> None:
                tick(f"duets, {name}", before + turn, len(scenes) * TURNS, new)

            played[scene.id] = await play(voice, scene, tick=told)


def _side_by_side(first: Sequence[Case], asked: Sequence[Asked], said: Mapping[str, Sequence[Record]]) -> str:
    number = {a.case.id: n for n, a in enumerate(asked)}
    order = [number[c.id] for c in first]
    return thirty([asked[n] for n in order], {s: [some[n] for n in order] for s, some in said.items()})


async def _asked(voice: Voice, wanted: Sequence[Case], tick: Tick) -> list[Asked]:
    """The prompts, as the served agent builds them; the same for every system, whose tokens are the same."""
    found = []
    for case in wanted:
        found.append(Asked(case, await voice.messages(case.ask, case.id)))
        tick("prompts", len(found), len(wanted), True)
    return found


async def replies(voice: Voice, asked: Sequence[Asked], tick: Tick) -> list[Record]:
    """What one system says to each."""
    found = []
    for a in asked:
        new = voice.heard(a.case.id, a.messages) is None
        found.append(await voice.say(a.case.id, a.case.ask, a.messages))
        tick(f"replies, {voice.name}", len(found), len(asked), new)
    return found


def _losses(
    plan: Plan, settings: AgentSettings, asked: Sequence[Asked], models: Mapping[str, str], tick: Tick
) -> dict[str, dict[str, Record]]:
    from pipeline.measure.loss import Surprise, opened

    surprise: Surprise | None = None
    losses: dict[str, dict[str, Record]] = {}
    for name, adapter in plan.systems.items():
        kept, worn = Kept(plan.to / f"loss-{name}.jsonl"), False
        losses[name] = {}
        for a in asked:
            both = f"{digest(a.messages)}-{a.case.answer}"
            key = {"id": a.case.id, "model": models[name], "prompt": both}
            record = kept.get(key)
            if new := record is None:
                surprise = surprise or opened(str(gguf(settings)), settings.llama.context)
                if not worn:
                    surprise.wear(adapter)
                    worn = True
                nats, tokens = surprise.of(a.messages, a.case.answer)
                kept.add(record := key | {"nats": round(nats, 5), "tokens": tokens})
            losses[name][a.case.id] = record
            tick(f"loss, {name}", len(losses[name]), len(asked), new)
    return losses


def _write(
    plan: Plan, settings: AgentSettings, models: Mapping[str, str], rows: Sequence[Row], n: int
) -> None:
    about = {
        "part": plan.part.name.lower(),
        "prompts": str(n),
        "seed": str(plan.seed),
        "sampling": settings.sampling.model_dump_json(exclude={"seed"}),
        **{f"system {name}": model for name, model in models.items()},
        "intervals": "95%, bootstrap over dialogues (duets: over duets); Wilson where a share is 0 or 1",
        **{name: told for name, told in LEGEND.items() if any(r.name == name for r in rows)},
    }
    name = "report" if set(plan.only) >= set(EVERYTHING) else f"report-{'-'.join(sorted(plan.only))}"
    report = {"about": about, "rows": table.plain(rows)}
    (plan.to / f"{name}.json").write_text(json.dumps(report, indent=1, ensure_ascii=False), encoding="utf-8")
    (plan.to / f"{name}.md").write_text(table.markdown("Base against tuned", about, rows), encoding="utf-8")
