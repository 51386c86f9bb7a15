"""Abilities are found by asking, kept, and overridable; a server that cannot be asked teaches nothing."""

import json
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from agent.backends.base import Done, Finish, Message, Piece, Request
from agent.backends.digits import draw
from agent.backends.openai import OpenAIBackend
from agent.backends.probe import UNPROVEN, probe_grammar, probe_sight, read_out
from agent.errors import BackendDown, BackendRefused, NotTaken
from agent.settings import AbilitySettings, Endpoint, OpenAISettings, Secrets
from tests.agent.backends.contract import GREEDY, HELLO, collect, red
from tests.fakes.digits import read_digits
from tests.fakes.openai_server import Answer, ScriptedServer

Say = Callable[[Request], str]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as one:
        yield one


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[..., OpenAIBackend]]:
    made: list[OpenAIBackend] = []

    def build(*servers: ScriptedServer, seconds: float = 60.0, **overrides: Any) -> OpenAIBackend:
        endpoints = tuple(Endpoint(base_url=s.url, model="fake") for s in servers)
        settings = OpenAISettings(endpoints=endpoints, seconds=seconds, retries=0)
        abilities = AbilitySettings(**overrides)
        made.append(OpenAIBackend(settings, Secrets(), abilities=abilities, cache=tmp_path, pause=0.01))
        return made[-1]

    yield build
    for backend in made:
        await backend.close()


def speaker(say: Say) -> Callable[[Request], AsyncIterator[Piece | Done]]:
    async def generate(request: Request) -> AsyncIterator[Piece | Done]:
        yield Piece(say(request))
        yield Done(Finish.STOP, 1, 1, "m")

    return generate


def shown(request: Request) -> str:
    return read_digits(request.messages[0].pictures[0].read())


def test_the_drawing_can_be_read(tmp_path: Path) -> None:
    for _ in range(30):
        digits = f"{secrets.randbelow(10_000):04}"
        assert read_digits(draw(digits, tmp_path).read()) == digits


@pytest.mark.parametrize(
    ("said", "digits"),
    [
        ("4812", "4812"), ("The digits are 4 8 1 2.", "4812"), ("4, 8, 1, 2", "4812"), ("**4812**\n", "4812"),
        ("4 digits: 4812", "4812"), ("1234 or 4812", ""), ("48123", ""), ("I cannot see pictures.", ""), ("", ""),
    ],
)  # fmt: skip
def test_answers_are_read_strictly(said: str, digits: str) -> None:
    assert read_out(said) == digits


@pytest.mark.parametrize(
    ("wrong", "sees"),
    [((), True), ((0,), True), ((1,), True), ((0, 1), False), ((0, 2), False), ((0, 1, 2), False)],
)
async def test_two_of_three_are_needed(wrong: tuple[int, ...], sees: bool, tmp_path: Path) -> None:
    asked: list[str] = []

    def say(request: Request) -> str:
        asked.append(shown(request))
        return "no idea" if len(asked) - 1 in wrong else f"I read {' '.join(asked[-1])}"

    assert await probe_sight(speaker(say), tmp_path) is sees
    assert 2 <= len(asked) <= 3
    assert not list(tmp_path.iterdir())


async def test_a_refusal_is_an_answer_a_fault_is_none(tmp_path: Path) -> None:
    def refuse(_: Request) -> str:
        raise NotTaken("no pictures")

    def quota(_: Request) -> str:
        raise BackendRefused("used up")

    def fail(_: Request) -> str:
        raise BackendDown("gone")

    assert not await probe_sight(speaker(refuse), tmp_path)
    with pytest.raises(BackendDown):
        await probe_sight(speaker(fail), tmp_path)
    with pytest.raises(BackendRefused):
        await probe_sight(speaker(quota), tmp_path)
    assert not list(tmp_path.iterdir())


async def test_a_thinker_gets_more_tokens(tmp_path: Path) -> None:
    assert await probe_sight(speaker(lambda r: shown(r) if r.sampling.max_tokens > 1000 else ""), tmp_path)


async def test_an_echo_of_the_prompt_is_no_grammar() -> None:
    assert not await probe_grammar(speaker(lambda r: '{"answer": "hello"}'))
    assert not await probe_grammar(speaker(lambda r: "hello"))
    good = speaker(lambda r: json.dumps({"answer": (r.grammar or {})["properties"]["answer"]["enum"][0]}))
    assert await probe_grammar(good)


@pytest.mark.parametrize("sight", ["blind", "refuses", "reads"])
@pytest.mark.parametrize("rich", [False, True])
async def test_a_server_shows_what_it_can(
    sight: Literal["blind", "refuses", "reads"],
    rich: bool,
    server: ScriptedServer,
    make: Callable[..., OpenAIBackend],
    tmp_path: Path,
) -> None:
    server.sight, server.grammar, server.logprobs, server.streams = sight, rich, rich, rich
    if rich:
        server.models.append({"id": "sherlock", "parent": "fake"})
        server.models[0]["max_model_len"] = 4_000
    able = await make(server).abilities()
    assert (able.sees, able.streams, able.grammar) == (sight == "reads", rich, rich)
    assert (able.logprobs, able.adapters) == (rich, rich)
    assert (able.context, able.source) == (4_000 if rich else 8_192, "probed")

    server.seen.clear()
    assert await make(server).abilities() == able  # another start, the same cache
    assert not server.seen
    entry = next(iter(json.loads((tmp_path / "abilities.json").read_text())["models"].values()))
    assert entry["version"] >= 1
    assert entry["date"].startswith("20")


async def test_another_model_behind_the_name_is_asked_anew(
    server: ScriptedServer, make: Callable[..., OpenAIBackend]
) -> None:
    assert not (await make(server).abilities()).sees
    server.sight = "reads"
    assert not (await make(server).abilities()).sees, "nothing tells that it changed"
    server.models[0]["root"] = "/models/another.gguf"
    assert (await make(server).abilities()).sees


@pytest.mark.parametrize(
    ("status", "words"),
    [(402, "Insufficient credits"), (403, "blocked"), (429, "exceeded your current quota")],
)
async def test_who_may_not_send_pictures_now_is_not_blind(
    server: ScriptedServer, make: Callable[..., OpenAIBackend], status: int, words: str
) -> None:
    server.sight = "reads"
    no = Answer(status=status, body={"error": {"message": words}})
    server.script(Answer(), no)
    assert UNPROVEN in (await make(server).abilities()).source
    assert (await make(server).abilities()).sees


async def test_the_settings_have_the_last_word(
    server: ScriptedServer, make: Callable[..., OpenAIBackend]
) -> None:
    able = await make(server, sees=True, context=1_000).abilities()
    assert (able.sees, able.context, able.source) == (True, 1_000, "probed+config")
    assert not any(s.pictures for s in server.seen)
    able = await make(server, sees=True, streams=True, grammar=True, logprobs=True, adapters=True).abilities()
    assert able.source == "config"


@pytest.mark.parametrize("answer", [Answer(status=500), Answer(status=401), Answer(stall=0), Answer(cut=3)])
async def test_a_server_that_cannot_be_asked_teaches_nothing(
    answer: Answer, server: ScriptedServer, make: Callable[..., OpenAIBackend], tmp_path: Path
) -> None:
    server.sight = "reads"
    server.script(answer)
    backend = make(server, seconds=60.0 if answer.stall is None else 2.0)
    able = await backend.abilities()
    assert (able.sees, able.streams, able.source) == (False, False, UNPROVEN)
    assert not (tmp_path / "abilities.json").exists()
    with pytest.raises(BackendDown, match="unknown yet"):
        await collect(backend, Request((Message("user", (red(tmp_path),)),), GREEDY))
    assert (await make(server).abilities()).sees


@pytest.mark.parametrize("content", ["", "[]", '{"models": 3}', '{"models": {"openai:x": 1}}', "\x00"])
async def test_a_broken_cache_is_made_anew(
    content: str, server: ScriptedServer, make: Callable[..., OpenAIBackend], tmp_path: Path
) -> None:
    (tmp_path / "abilities.json").write_text(content)
    assert (await make(server).abilities()).streams
    assert json.loads((tmp_path / "abilities.json").read_text())["models"]


async def test_an_older_finding_is_asked_again(
    server: ScriptedServer, make: Callable[..., OpenAIBackend], tmp_path: Path
) -> None:
    await make(server).abilities()
    kept = json.loads((tmp_path / "abilities.json").read_text())
    for entry in kept["models"].values():
        entry["version"] = 0
        entry["found"]["sees"] = True
    (tmp_path / "abilities.json").write_text(json.dumps(kept))
    assert not (await make(server).abilities()).sees


async def test_pictures_never_fail_over_to_a_blind_server(
    server: ScriptedServer, make: Callable[..., OpenAIBackend], tmp_path: Path
) -> None:
    async with ScriptedServer() as blind:
        server.sight = "reads"
        backend = make(server, blind)
        await backend.abilities()
        server.script(Answer(status=500))
        with pytest.raises(BackendDown):
            await collect(backend, Request((Message("user", (red(tmp_path), "What?")),), GREEDY))
        server.script(Answer(status=500))
        assert (await collect(backend, Request(HELLO, GREEDY))).text  # words it may have
        assert all("digits" in s.words for s in blind.seen if s.pictures)
