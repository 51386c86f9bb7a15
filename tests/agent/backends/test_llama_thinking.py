"""Thinking of a GGUF is kept from people, whether the model or its template opens it."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.backends.base import Request, Sampling
from agent.backends.llama import LlamaBackend
from agent.engine.frames import Frame
from agent.settings import LlamaSettings
from tests.agent.backends.contract import HELLO, collect

RESULT = {"finish": "stop", "prompt_tokens": 9, "reply_tokens": 9, "cached_tokens": 0}


class Worker:
    """In place of the process: a thinking model of any size would be a download."""

    def __init__(self, words: str, prompt_end: str, *, template: bool = True) -> None:
        self.words, self.facts = words, {"prompt_end": prompt_end, "template": template}
        self.starts = 0

    async def start(self) -> None:
        self.starts += 1

    async def close(self) -> None: ...

    async def stream(self, do: str, **fields: Any) -> AsyncIterator[Frame]:
        for letter in self.words:
            yield {"text": letter}
        yield {"result": RESULT}


def backend(worker: Worker, folder: Path, monkeypatch: pytest.MonkeyPatch) -> LlamaBackend:
    monkeypatch.setattr("agent.backends.llama.Worker", lambda *_, **__: worker)
    return LlamaBackend(LlamaSettings(), cache=folder)


@pytest.mark.parametrize(
    ("words", "prompt_end"),
    [
        ("<think>\nsecret\n</think>\n\nGood evening.", "<assistant>\n"),
        ("secret</think>Good evening.", "<assistant><think>\n"),
        ("[THINK]secret[/THINK]Good evening.", ""),
        ("◁think▷secret◁/think▷Good evening.", ""),
        ("<seed:think>secret</think></seed:think>Good evening.", ""),
        ("Good evening.", "<assistant><think>\n\n</think>\n"),
    ],
)
async def test_only_the_reply_is_told(
    words: str, prompt_end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = backend(Worker(words, prompt_end), tmp_path, monkeypatch)
    await made.start()
    assert (await collect(made, Request(HELLO))).text == "Good evening."


async def test_what_is_held_to_a_schema_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = backend(Worker('{"a": "<think>"}', "<think>\n"), tmp_path, monkeypatch)
    await made.start()
    ask = Request(HELLO, Sampling(), grammar={"type": "object"})
    assert (await collect(made, ask)).text == '{"a": "<think>"}'


async def test_a_missing_template_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = backend(Worker("", "", template=False), tmp_path, monkeypatch)
    with caplog.at_level(logging.WARNING):
        await made.start()
        await made.start()
    assert sum("has no chat template" in r.getMessage() for r in caplog.records) == 1
