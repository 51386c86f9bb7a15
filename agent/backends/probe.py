"""What a model can do, found by asking it and never by its name.

Servers silently drop pictures, ignore schemas and claim to stream; so each ability is put to the proof. The
findings are kept in `abilities.json`, by model, and asked again when this file's VERSION grows.
"""

import asyncio
import json
import logging
import re
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from agent.backends.base import Abilities, Done, Message, Piece, Priority, Request, Sampling
from agent.backends.digits import draw
from agent.backends.store import read_json, write_json
from agent.errors import NotTaken, VignetteError
from agent.settings import AbilitySettings

log = logging.getLogger(__name__)
VERSION = 2
UNPROVEN = "unproven"  # in `source`: the model could not be asked; nothing was cached
ASK = "Which four digits does this picture show? Answer with the digits only."
ENOUGH = 400  # characters of an answer: whoever has not read four digits by then will not

Generate = Callable[[Request], AsyncIterator[Piece | Done]]


@dataclass(frozen=True)
class Questions:
    """Who is asked, and which questions make sense. `logprobs` asks for itself: Request has no field for it."""

    generate: Generate
    sees: bool = True
    grammar: bool = True
    logprobs: Callable[[], Awaitable[bool]] | None = None


async def probe(
    model: str,
    questions: Questions,
    *,
    cache: Path,
    overrides: AbilitySettings,
    context: int,
    adapters: bool = False,
    mark: str = "",
) -> Abilities:
    """The model's abilities: what `overrides` says, else what the cache says, else what it shows when asked. What was
    found under another `mark` (what a server tells of itself and its model) is asked anew.

    Never raises for a model that fails: an ability that was not shown is "cannot". Where the model could not
    be asked at all, `source` contains UNPROVEN and nothing is kept, so that the next call asks again.
    """
    wanted = [k for k in ("sees", "streams", "grammar", "logprobs") if getattr(overrides, k) is None]
    found: dict[str, bool] = {}
    settled = True
    if wanted:
        known = await asyncio.to_thread(_recall, cache, model, mark)
        if known is None or not set(wanted) <= set(known):
            fresh, settled = await _ask(questions, tuple(k for k in wanted if k not in (known or {})), cache)
            known = {**(known or {}), **fresh}
            if settled:
                await asyncio.to_thread(_remember, cache, model, known, mark)
        found = known
    said = {k: v for k, v in overrides.model_dump().items() if v is not None}
    source = "probed" if settled else UNPROVEN
    if said:
        source = "config" if not wanted else f"{source}+config"
    merged: dict[str, Any] = {
        "adapters": adapters,
        "context": context,
        **{k: found.get(k, False) for k in wanted},
    }
    return Abilities(**{**merged, **said}, source=source)


async def _ask(questions: Questions, names: tuple[str, ...], cache: Path) -> tuple[dict[str, bool], bool]:
    """Findings, and whether they can be relied upon. Asks for plain words first: a server that refuses those
    (credentials, an unknown model) has said nothing about what the model can do."""
    found: dict[str, bool] = {}
    try:
        found["streams"] = await probe_streams(questions.generate)
        if "sees" in names:
            found["sees"] = questions.sees and await probe_sight(questions.generate, cache / "probe")
        if "grammar" in names:
            found["grammar"] = questions.grammar and await probe_grammar(questions.generate)
        if "logprobs" in names:
            found["logprobs"] = questions.logprobs is not None and bool(
                await _unless_refused(questions.logprobs())
            )
    except VignetteError as error:
        log.warning("abilities could not be probed, so none is assumed: %s", error)
        return found, False
    except Exception:  # a probe is an edge: whatever happens, the bot goes on without the ability
        log.exception("a probe failed, so the ability is not assumed")
        return found, False
    log.info("abilities found: %s", found)
    return found, True


async def probe_streams(generate: Generate) -> bool:
    """Whether a reply comes in more than one piece. Raises BackendError where none comes."""
    request = _request("Count from one to twenty in words.", tokens=40)
    pieces = 0
    async for item in generate(request):
        pieces += isinstance(item, Piece)
    return pieces > 1


async def probe_sight(generate: Generate, folder: Path, *, trials: int = 3, needed: int = 2) -> bool:
    """Whether the model reads four random digits in `needed` of `trials` pictures, which are made in `folder`
    and removed again. Guessing succeeds with a probability of about 3 in 10^8.

    A refused picture (NotTaken) means no; other BackendErrors (a quota, a key, a broken server) are raised, for they
    mean that nobody knows.
    """
    right = 0
    for done in range(trials):
        digits = "".join(secrets.choice("0123456789") for _ in range(4))
        picture = await asyncio.to_thread(draw, digits, folder)
        try:
            said = await _unless_refused(_said(generate, (picture, ASK)))
        finally:
            await asyncio.to_thread(picture.path.unlink, missing_ok=True)
        right += bool(said) and read_out(str(said)) == digits
        left = trials - done - 1
        if right >= needed or right + left < needed:
            break
    return right >= needed


async def probe_grammar(generate: Generate) -> bool:
    """Whether a reply meets a schema that the prompt does not mention, twice, with words nobody would guess."""
    for _ in range(2):
        word = f"w{secrets.token_hex(4)}"
        schema = {
            "type": "object",
            "properties": {"answer": {"type": "string", "enum": [word]}},
            "required": ["answer"],
            "additionalProperties": False,
        }
        request = _request("Say hello.", tokens=64, grammar=schema)
        said = await _unless_refused(_text(generate, request))
        try:
            if not said or json.loads(str(said)) != {"answer": word}:
                return False
        except ValueError:
            return False
    return True


def read_out(said: str) -> str:
    """The four digits that an answer names, empty where it names none or several."""
    groups = [re.sub(r"\D", "", g) for g in re.findall(r"\d(?:[\s,.\-]*\d)*", said)]
    fours = [g for g in groups if len(g) == 4]
    return fours[0] if len(fours) == 1 else ""


def _request(*parts: Any, tokens: int, grammar: dict[str, Any] | None = None) -> Request:
    sampling = Sampling(
        max_tokens=tokens, temperature=0.0, top_p=1.0, top_k=1, min_p=0.0, repeat_penalty=1.0, seed=1
    )
    return Request((Message("user", parts),), sampling, Priority.BACKGROUND, grammar)


async def _said(generate: Generate, parts: tuple[Any, ...]) -> str:
    """The answer. A model that spends its tokens on thinking gets more of them, once."""
    return await _text(generate, _request(*parts, tokens=48)) or await _text(
        generate, _request(*parts, tokens=2048)
    )


async def _text(generate: Generate, request: Request) -> str:
    stream = cast(AsyncGenerator[Piece | Done, None], generate(request))
    text = ""
    try:
        async for item in stream:
            if isinstance(item, Piece):
                text += item.text
            if len(text) > ENOUGH:
                break
    finally:
        await stream.aclose()
    return text


async def _unless_refused(asking: Awaitable[bool] | Awaitable[str]) -> bool | str:
    try:
        return await asking
    except NotTaken as error:
        log.info("the model refused a probe, which is an answer: %s", error.what)
        return False


def _recall(cache: Path, model: str, mark: str) -> dict[str, bool] | None:
    entry = _models(cache).get(model)
    if not isinstance(entry, dict) or entry.get("version") != VERSION or entry.get("mark", "") != mark:
        return None
    found = entry.get("found")
    return {k: v for k, v in found.items() if isinstance(v, bool)} if isinstance(found, dict) else None


def _remember(cache: Path, model: str, found: dict[str, bool], mark: str) -> None:
    models = _models(cache)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    models[model] = {"version": VERSION, "date": date, "found": found, "mark": mark}
    try:
        write_json(cache / "abilities.json", {"models": models})
    except OSError as error:
        log.warning("what the model can do was not kept and will be asked again: %s", error)


def _models(cache: Path) -> dict[str, Any]:
    path = cache / "abilities.json"
    try:
        found = (read_json(path) or {}).get("models", {})
        if isinstance(found, dict):
            return found
        raise ValueError("its models are no object")
    except (OSError, ValueError) as error:
        log.warning("%s is not readable and will be made anew: %s", path, error)
        return {}


class Remembered:
    """Asks `find` once and keeps the answer; one that is UNPROVEN is kept for `seconds` only."""

    def __init__(self, find: Callable[[], Awaitable[Abilities]], seconds: float = 30.0) -> None:
        self._find, self._seconds = find, seconds
        self._turn = asyncio.Lock()
        self._known: Abilities | None = None
        self._until = 0.0

    async def __call__(self) -> Abilities:
        async with self._turn:
            if self._known is None or (UNPROVEN in self._known.source and time.monotonic() > self._until):
                self._known = await self._find()
                self._until = time.monotonic() + self._seconds
            return self._known
