"""The backend for a folder in Hugging Face's layout, in this process, on torch.

Replies are made one after the other in one worker thread; the event loop stays free. A reply is stopped
between two tokens. Nothing is ever downloaded and no code from the folder is run.
"""

import asyncio
import importlib.util
import logging
import secrets
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from agent.backends.base import Abilities, Done, Message, Piece, Request
from agent.backends.local import snapshot
from agent.backends.probe import Questions, Remembered, probe
from agent.errors import BackendDown, BackendRefused
from agent.settings import AbilitySettings, TransformersSettings

if TYPE_CHECKING:
    from agent.backends.local.choosing import Halt
    from agent.backends.local.runner import Runner, Spoken

log = logging.getLogger(__name__)


class TransformersBackend:
    """Settings as in [agent.transformers]; `cache` keeps findings and digests of model files between runs.

    `request.adapter` is the folder of a PEFT adapter ("" for none); None means the configured one. The same
    seed gives the same words on the same machine and model: each request has its own random generator.
    """

    def __init__(
        self,
        settings: TransformersSettings,
        *,
        abilities: AbilitySettings | None = None,
        cache: Path = Path("data/cache"),
    ) -> None:
        if not settings.path:
            raise BackendDown(
                "no model is chosen for the transformers backend",
                where="agent.transformers.path",
                mend="set it to a folder in Hugging Face's layout",
            )
        self._settings, self._overrides, self._cache = settings, abilities or AbilitySettings(), cache
        self._path = Path(settings.path).expanduser()
        self._configured = Path(settings.adapter).expanduser() if settings.adapter else None
        self._names: dict[Path, str] = {}
        self._thread: ThreadPoolExecutor | None = None
        self._runner: Runner | None = None
        self._starting = asyncio.Lock()
        self._running: set[Halt] = set()
        self._closed = False
        self.abilities = Remembered(self._find_abilities)
        self._counted = lru_cache(maxsize=64)(self._count)

    @property
    def model(self) -> str:
        """Folder name and 12 digits of the content's hash; the configured adapter likewise. Reads the files
        the first time it is asked before `start`."""
        return self._called(None)

    def _called(self, adapter: str | None) -> str:
        folder = self._configured if adapter is None else Path(adapter).expanduser() if adapter else None
        return "+".join(self._name(f) for f in (self._path, folder) if f is not None)

    def _name(self, folder: Path) -> str:
        if folder not in self._names:
            self._names[folder] = snapshot.name(folder, self._cache)
        return self._names[folder]

    async def check(self) -> None:
        """Looks at the folders and loads nothing. Raises BackendDown naming the one that will not do."""
        await asyncio.to_thread(snapshot.check, self._path)
        if self._configured is not None:
            await asyncio.to_thread(_check_adapter, self._configured)

    async def start(self) -> None:
        """Loads the model: seconds to minutes. Raises BackendDown."""
        async with self._starting:
            if self._closed:
                raise BackendDown("the transformers backend is closed", mend="restart the program")
            if self._runner is None:
                await self.check()
                await asyncio.to_thread(self._called, None)
                self._thread = self._thread or ThreadPoolExecutor(1, "transformers")
                loading = asyncio.get_running_loop().run_in_executor(self._thread, self._load)
                self._runner = await loading

    def _load(self) -> "Runner":
        from agent.backends.local.runner import Runner

        runner = Runner(self._path, self._configured, self._settings.device, self._settings.context)
        log.info("%s is loaded on %s, context %d", self._path.name, runner.device, runner.context)
        return runner

    async def close(self) -> None:
        """Stops what is running and lets the model go."""
        self._closed = True
        for halt in self._running:
            halt.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)
        self._counted.cache_clear()
        self._runner = None

    async def _find_abilities(self) -> Abilities:
        """Pictures are put to the proof. There is no constrained decoding here, and a reply carries no
        logprobs, so neither is claimed."""
        runner = await self._ready()
        found = await probe(
            f"transformers:{self.model}",
            Questions(self._speak, sees=runner.sees, grammar=False),
            cache=self._cache,
            overrides=self._overrides,
            context=runner.context,
            adapters=importlib.util.find_spec("peft") is not None,
        )
        context = min(found.context, runner.context)
        sees = found.sees and runner.sees
        return replace(found, sees=sees, grammar=False, context=context, weights=runner.weights)

    async def count(self, messages: Sequence[Message]) -> int:
        """Exact, pictures included."""
        await self._ready()
        return await asyncio.to_thread(self._counted, tuple(messages))

    def _count(self, messages: tuple[Message, ...]) -> int:
        if self._runner is None:
            raise BackendDown("the transformers backend is closed", mend="restart the program")
        return int(self._runner.prompting.inputs(messages)["input_ids"].shape[1])

    async def generate(self, request: Request) -> AsyncGenerator[Piece | Done, None]:
        if any(m.pictures for m in request.messages) and not (await self.abilities()).sees:
            raise BackendRefused(
                "this model was not found to read pictures",
                where=str(self._path),
                mend="use a vision model, or set agent.abilities.sees = true if you know better",
            )
        if request.grammar is not None:
            raise BackendRefused(
                "the transformers backend cannot bind a reply to a schema",
                where="agent.backend",
                mend="use the llama backend, or a server through the openai backend",
            )
        stream = self._speak(request)
        try:
            async for item in stream:
                yield item
        finally:
            await stream.aclose()

    async def _speak(self, request: Request) -> AsyncGenerator[Piece | Done, None]:
        from agent.backends.local.choosing import Halt

        runner = await self._ready()
        loop, told, halt = asyncio.get_running_loop(), asyncio.Queue[str | None](), Halt()
        seed = secrets.randbits(31) if request.sampling.seed is None else request.sampling.seed

        def tell(text: str) -> None:
            if not halt.is_set():
                loop.call_soon_threadsafe(told.put_nowait, text)

        def work() -> "Spoken | None":
            return None if halt.is_set() else runner.speak(request, seed, halt, tell)

        if self._thread is None or self._closed:
            raise BackendDown("the transformers backend is closed", mend="restart the program")
        self._running.add(halt)
        made = loop.run_in_executor(self._thread, work)
        made.add_done_callback(lambda _: told.put_nowait(None))  # also where `close` cancels it in the queue
        try:
            while (text := await told.get()) is not None:
                yield Piece(text)
            spoken = None if made.cancelled() else await made
        finally:
            halt.set()
            self._running.discard(halt)
            made.add_done_callback(_forget)
        if spoken is None or self._closed:
            raise BackendDown("the model was closed in the middle of a reply", mend="restart the program")
        model = await asyncio.to_thread(self._called, request.adapter)
        yield Done(spoken.finish, spoken.prompt_tokens, spoken.reply_tokens, model, seed=seed)

    async def _ready(self) -> "Runner":
        await self.start()
        if self._runner is None:
            raise BackendDown("the transformers backend is closed", mend="restart the program")
        return self._runner


def _check_adapter(folder: Path) -> None:
    snapshot.check(folder, adapter=True)


def _forget(made: "asyncio.Future[Spoken | None]") -> None:
    """Takes note of what a reply that nobody reads any more ended with, so that asyncio need not warn."""
    if not made.cancelled() and (error := made.exception()) is not None:
        log.debug("a reply that was left ended with %s", error)
