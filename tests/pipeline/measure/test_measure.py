"""From held-out dialogues to a report: what is asked, what is kept, what is told."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.backends.base import Message
from agent.engine.embedded import embedded_path
from agent.engine.model import Options
from agent.engine.reply import Engine
from agent.errors import BackendDown, BackendError, ConfigError
from agent.settings import AgentSettings, LlamaSettings, SamplingSettings
from evaluation.splits import Part
from pipeline.apart import apart
from pipeline.corpus.asks import asks
from pipeline.corpus.people import characters
from pipeline.corpus.read import HUMAN, CorpusError, read
from pipeline.measure import figures, table
from pipeline.measure.cases import Asked, cases, part_of, some
from pipeline.measure.duets import duets, play
from pipeline.measure.judging import CONTRAST, OWN, Judge
from pipeline.measure.kept import Kept, lines
from pipeline.measure.loss import opened
from pipeline.measure.rows import CORPUS, Row, summed
from pipeline.measure.run import Plan, measure, replies, systems
from pipeline.measure.speaking import Voice
from pipeline.measure.thirty import thirty
from tests.pipeline.measure.scripted import NOTE, Scripted, fails_at, talk

SETTINGS = AgentSettings()


def silent(*_: object) -> None:
    """Nobody watches the progress."""


def voice(backend: Scripted, path: Path) -> Voice:
    return Voice("base", backend, SETTINGS, Kept(path), seed=1)


async def asked(speaker: Voice) -> list[Asked]:
    return [Asked(c, await speaker.messages(c.ask, c.id)) for c in cases([talk()], characters())]


def row(rows: list[Row], name: str) -> Row:
    return next(r for r in rows if r.name == name)


def test_every_turn_of_a_character_is_asked_for_with_what_stood_before() -> None:
    for one in read():
        found = asks(one, characters())
        assert [at for _, _, at in found] == [n for n, t in enumerate(one.turns) if t.by != HUMAN]
        for ask, answer, at in found:
            assert answer == one.turns[at].text
            assert [t.text for t in ask.dialogue.turns] == [t.text for t in one.turns[:at]]
            assert {n.text for n in ask.notes.values()} == {t.note for t in one.turns[:at] if t.note}
            assert set(ask.others) == one.speakers - {ask.character.id}


def test_a_speaker_without_a_profile_and_an_empty_part_are_told() -> None:
    with pytest.raises(CorpusError, match="nobody is called nobody"):
        asks(talk(who="nobody"), characters())
    train = next(
        t for t in read() if t not in part_of(read(), Part.DEV) and t not in part_of(read(), Part.TEST)
    )
    with pytest.raises(CorpusError, match="`dev` has no dialogue"):
        part_of([train], Part.DEV)


def test_a_smaller_draw_is_part_of_a_larger_one() -> None:
    every = cases(part_of(read(), Part.DEV), characters())
    few, more = some(every, 10), some(every, 40)
    assert len(few) == 10
    assert {c.id for c in few} < {c.id for c in more}
    assert some(every, None) == every


async def test_a_run_that_was_stopped_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "replies-base.jsonl"
    first = Scripted(fails_at(2))
    with pytest.raises(BackendDown):
        await replies(voice(first, path), await asked(voice(first, path)), silent)
    assert len(list(lines(path))) == 1
    with path.open("ab") as file:
        file.write(b'{"id": "half')  # killed in mid-line
    second, told = Scripted(lambda _, n: f"Later {n}."), []
    found = await replies(voice(second, path), await asked(voice(second, path)), lambda *t: told.append(t))
    assert [r["text"] for r in found] == ["Reply 1.", "Later 1."]
    assert [new for *_, new in told] == [False, True]
    third = Scripted(fails_at(1))
    again = await replies(voice(third, path), await asked(voice(third, path)), silent)
    assert again == found
    assert not third.asked
    assert first.asked[1].sampling.seed == second.asked[0].sampling.seed  # as it would have been


async def test_another_model_or_seed_or_prompt_is_asked_anew(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    backend = Scripted(lambda _, n: f"Reply {n}.")
    await replies(voice(backend, path), await asked(voice(backend, path)), silent)
    other = Scripted(lambda _, n: "Other.")
    other.model = "another"
    found = await replies(voice(other, path), await asked(voice(other, path)), silent)
    assert [r["text"] for r in found] == ["Other.", "Other."]
    seeded = Voice("base", backend, SETTINGS, Kept(path), seed=2)
    await replies(seeded, await asked(seeded), silent)
    assert len(backend.asked) == 4


async def test_a_model_with_nothing_to_say_is_counted_and_not_fatal(tmp_path: Path) -> None:
    backend = Scripted(lambda _, n: "" if n in (1, 3, 4, 5) else "So.")
    speaker = voice(backend, tmp_path / "r.jsonl")
    prompts = await asked(speaker)
    found = await replies(speaker, prompts, silent)
    assert [(r["text"], r["tries"]) for r in found] == [("So.", 2), ("", 3)]
    judge = Judge(cases([talk()], characters()), characters(), seed=1)
    rows = figures.of_replies(judge, prompts, {"base": found}, "base")
    assert row(rows, "more than one try").cells["base"].value == 1
    assert row(rows, "no reply after all tries").cells["base"].value == 0.5


async def test_figures_of_a_system_stand_beside_the_corpus_and_the_base(tmp_path: Path) -> None:
    speaker = voice(Scripted(lambda *_: ""), tmp_path / "r.jsonl")
    prompts = await asked(speaker)
    record = {"finish": "stop", "tries": 1}
    base = [record | {"text": t, "first": t} for t in ("What do you see? Devon Clarke is a guard.", "Aye.")]
    tuned = [record | {"text": t, "first": t} for t in ("A teapot, white and blue.", "Aye.")]
    every = cases([talk(), talk("devon-clarke-91", note="A rowing boat.")], characters())
    rows = figures.of_replies(
        Judge(every, characters(), seed=1), prompts, {"base": base, "new": tuned}, "base"
    )
    assert rows[0].name == CONTRAST
    assert {s: e.value for s, e in rows[0].cells.items()} == {CORPUS: 1.0, "base": 0.0, "new": 1.5}
    assert rows[0].gaps["new"].value == 1.5
    assert row(rows, f"{CONTRAST}: ratio to the corpus").cells["new"].value == 1.5
    assert row(rows, OWN).cells["new"].value == 1.5
    assert row(rows, "first try repeats the question").cells["base"].value == 0.5
    assert row(rows, "speaks of itself by name").gaps["new"].value == -0.5
    for shown in (
        table.text(rows),
        table.markdown("T", {}, rows),
        json.dumps(table.plain(rows), allow_nan=False),
    ):
        assert "new" in shown
    page = thirty(prompts, {"base": base, "new": tuned})
    assert (
        page.index("teapot (0")
        < page.index("A blue teapot")
        < page.index("Devon Clarke is")
        < page.index("A teapot, white")
    )


async def test_duets_are_free_talk_between_held_out_characters_and_go_on(tmp_path: Path) -> None:
    dev = part_of(read(), Part.DEV)
    chosen = duets(dev, characters(), Part.DEV, 10, 1)
    assert len({d.id for d in chosen}) == len({(d.cast[0].id, d.cast[1].id) for d in chosen}) == 10
    assert chosen == duets(dev, characters(), Part.DEV, 10, 1)
    path = tmp_path / "r.jsonl"
    first = Scripted(fails_at(3))
    with pytest.raises(BackendDown):
        await play(voice(first, path), chosen[0], 4)
    second = Scripted(lambda _, n: f"And reply {n}." if n < 3 else "")
    said = await play(voice(second, path), chosen[0], 6)
    assert said == ["Reply 1.", "Reply 2.", "And reply 1.", "And reply 2."]  # nothing ends it
    assert "Reply 2." in "".join(m.text for m in second.asked[0].messages)
    rows = figures.of_duets({"base": {"duet-1": ["one two three four", "one two three four"]}}, "base")
    assert [r.cells["base"].value for r in rows] == [1.0, 1.0]


def test_loss_counts_every_token_alike() -> None:
    losses = {"base": {"a": {"nats": 10.0, "tokens": 2}, "b": {"nats": 8.0, "tokens": 4}}}
    losses["new"] = {"a": {"nats": 4.0, "tokens": 2}, "b": {"nats": 8.0, "tokens": 4}}
    rows = figures.of_losses(losses, {"a": "x", "b": "y"}, "base")
    assert rows[0].cells["base"].value == 3.0
    assert rows[0].gaps["new"].value == -1.0
    assert rows[1].cells["new"].value == pytest.approx(7.389, abs=1e-3)


def test_what_never_happened_is_not_sure_never_to_happen() -> None:
    keys = [str(n) for n in range(10)]
    rows = summed({"base": {k: {"slip": 0.0} for k in keys}}, {k: k for k in keys}, "base")
    assert rows[0].cells["base"].high == pytest.approx(0.2775, abs=1e-4)


async def test_an_adapter_that_is_not_there_or_is_none_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such adapter"):
        systems([tmp_path / "none.gguf"])
    (tmp_path / "base.gguf").write_bytes(b"no adapter at all, and too short")
    with pytest.raises(ConfigError, match="two systems are called 'base'"):
        systems([tmp_path / "base.gguf"])
    broken = (tmp_path / "base.gguf").rename(tmp_path / "broken.gguf")
    plan = Plan(tmp_path / "to", systems([broken]), talks=[talk()])
    with pytest.raises(BackendError, match="not a GGUF file"):
        await measure(replace(plan, only=["replies"]), SETTINGS, silent)
    assert not (tmp_path / "to").exists()


@pytest.mark.model
def test_loss_is_that_of_one_token_after_the_other() -> None:
    apart(loss_is_that_of_one_token_after_the_other)


def loss_is_that_of_one_token_after_the_other() -> None:
    surprise = opened(str(embedded_path()), 512)
    given, answer = (
        [Message("system", ("You are a baker. " * 20,)), Message("user", ("What is it?",))],
        "A loaf, and warm.",
    )
    nats, tokens = surprise.of(given, answer)
    assert surprise.of([*given[:1], Message("user", ("And that?",))], answer) != (nats, tokens)
    assert surprise.of(given, answer) == (nats, tokens)  # whatever lay in its memory

    engine = Engine(Options(str(embedded_path()), context=512, gpu_layers=0), silent)
    model, template = engine.model, "<|im_start|>{}\n{}<|im_end|>\n"
    text = "".join(template.format(m.role, m.text) for m in given)
    head = model.tokenise(f"{text}<|im_start|>assistant\n")
    whole = model.tokenise(f"{text}<|im_start|>assistant\n{answer}<|im_end|>")
    by_hand = 0.0
    for at, token in enumerate(whole):
        if at >= len(head):
            logits = model.logits().astype(float)
            by_hand -= logits[token] - logits.max() - np.log(np.exp(logits - logits.max()).sum())
        model.decode([token], at)
    assert tokens == len(whole) - len(head)
    assert nats == pytest.approx(by_hand, rel=0.02)


@pytest.mark.model
async def test_the_embedded_model_is_measured(tmp_path: Path) -> None:
    settings = AgentSettings(
        llama=LlamaSettings(context=2048), sampling=SamplingSettings(max_tokens=8), cache=tmp_path / "cache"
    )
    plan = Plan(tmp_path / "to", systems([]), only=["replies", "loss"], first=1, talks=[talk()])
    rows = await measure(plan, settings, silent)
    assert row(rows, figures.LOSS).cells["base"].n == 2
    assert 0 < row(rows, figures.LOSS).cells["base"].value < 12
    assert row(rows, "cut off by the limit").cells["base"].n == 2
    kept = {p.name: p.read_bytes() for p in plan.to.iterdir()}
    assert set(kept) == {
        *("replies-base.jsonl", "loss-base.jsonl"),
        *("report-loss-replies.json", "report-loss-replies.md", "thirty.md"),
    }
    assert NOTE.split()[3].encode() in kept["thirty.md"]
    assert await measure(plan, settings, silent) == rows
    assert {p.name: p.read_bytes() for p in plan.to.iterdir()} == kept
