"""The agent as it is served, with an ear at its backend: every prompt, and every try at a reply."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from agent.agent import Agent, Ask, Reply
from agent.backends.base import Abilities, Backend, Done, Message, Piece, Request
from agent.backends.llama import LlamaBackend
from agent.errors import BackendError
from agent.settings import AgentSettings
from pipeline.measure.cases import seed_for
from pipeline.measure.kept import Kept, Record


class Voice:
    """One system. `say` answers from what was kept where the same was asked before."""

    def __init__(
        self, name: str, backend: Backend, settings: AgentSettings, kept: Kept, *, seed: int
    ) -> None:
        self.name, self.model, self.seed = name, backend.model, seed
        self.backend, self.settings = backend, settings
        self._kept = kept
        self._ear = _Ear(backend)
        self._agent = Agent(self._ear, settings)
        chosen = settings.sampling.model_dump_json(exclude={"seed"})
        self._sampling = hashlib.sha256(chosen.encode()).hexdigest()[:8]

    async def messages(self, ask: Ask, name: str) -> tuple[Message, ...]:
        """The very messages that the agent would send, without sending them."""
        peek = Agent(_Peek(self.backend), self.settings)
        try:
            async for _ in peek.reply(ask, seed=seed_for(self.seed, name)):
                pass
        except _Seen as seen:
            return seen.messages
        raise RuntimeError("the agent answered without asking its backend")

    def key(self, name: str, messages: Sequence[Message]) -> Record:
        seed = seed_for(self.seed, name)
        kept = {"id": name, "model": self.model, "prompt": digest(messages), "seed": seed}
        return kept | {"sampling": self._sampling}

    def heard(self, name: str, messages: Sequence[Message]) -> Record | None:
        return self._kept.get(self.key(name, messages))

    async def say(self, name: str, ask: Ask, messages: Sequence[Message]) -> Record:
        """The reply as a record: `text` as shown (empty where the model had nothing to say), `first` as the first try
        came from the model, uncleaned, and how it came about. Raises BackendError where the model fails."""
        key = self.key(name, messages)
        if (kept := self._kept.get(key)) is not None:
            return kept
        self._ear.clear()
        reply: Reply | None = None
        try:
            async with aclosing(self._agent.reply(ask, seed=key["seed"])) as steps:
                async for step in steps:
                    reply = step if isinstance(step, Reply) else reply
        except BackendError:
            if self._ear.failed or not self._ear.tries:
                raise
        if self._ear.messages != tuple(messages):
            raise BackendError("the prompt that was served is not the one that is measured", where=name)
        record = key | {"text": reply.text if reply else "", "first": self._ear.tries[0]}
        record |= {"tries": len(self._ear.tries), "finish": reply.facts.finish if reply else "empty"}
        if reply:
            told = reply.facts
            record |= {"tokens": told.reply_tokens, "prompt_tokens": told.prompt_tokens}
            record |= {"first_ms": round(told.first_token_ms, 1), "total_ms": round(told.total_ms, 1)}
        self._kept.add(record)
        return record


def digest(messages: Sequence[Message]) -> str:
    """16 hex digits of roles and texts."""
    parts = "\0".join(f"{m.role}\0{m.text}" for m in messages)
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


@asynccontextmanager
async def started(settings: AgentSettings, adapter: str) -> AsyncIterator[Backend]:
    """The GGUF model with this adapter ("": none), told that it is blind: no picture stands behind a note."""
    backend = make(settings, adapter)
    await backend.start()
    try:
        yield backend
    finally:
        await backend.close()


def gguf(settings: AgentSettings) -> Path:
    """The model that is measured: the configured one, without its configured adapter."""
    from agent.backends.registry import chosen
    from agent.engine.embedded import embedded_path

    path = chosen(settings).path
    return Path(path).expanduser() if path else embedded_path()


def make(settings: AgentSettings, adapter: str) -> LlamaBackend:
    """Not started yet."""
    from agent.backends.registry import chosen

    path = str(Path(adapter).resolve()) if adapter else ""
    llama = chosen(settings).model_copy(update={"adapter": path})
    blind = settings.abilities.model_copy(update={"sees": False})
    return LlamaBackend(llama, abilities=blind, cache=settings.cache)


class _Ear:
    """Passes everything on, and keeps what was said to and by the model."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.clear()

    def clear(self) -> None:
        self.tries: list[str] = []
        self.messages: tuple[Message, ...] = ()
        self.failed = False

    @property
    def model(self) -> str:
        return self._backend.model

    async def start(self) -> None:
        await self._backend.start()

    async def close(self) -> None:
        await self._backend.close()

    async def abilities(self) -> Abilities:
        return await self._backend.abilities()

    async def count(self, messages: Sequence[Message]) -> int:
        return await self._backend.count(messages)

    async def generate(self, request: Request) -> AsyncIterator[Piece | Done]:
        self.messages = self.messages or request.messages
        self.tries.append("")
        try:
            async with aclosing(self._backend.generate(request)) as stream:  # type: ignore[type-var]
                async for item in stream:
                    if isinstance(item, Piece):
                        self.tries[-1] += item.text
                    yield item
        except BackendError:
            self.failed = True
            raise


class _Seen(Exception):
    def __init__(self, messages: tuple[Message, ...]) -> None:
        self.messages = messages


class _Peek(_Ear):
    """Says what it was asked instead of answering."""

    def generate(self, request: Request) -> AsyncIterator[Piece | Done]:
        raise _Seen(request.messages)
