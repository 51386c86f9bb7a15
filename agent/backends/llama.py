"""A GGUF model in a worker process of ours (agent.engine), behind the backend contract."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path

from agent.backends.base import Abilities, Done, Finish, Message, Piece, Request
from agent.backends.text import ThinkFilter, opened
from agent.engine.embedded import adapter_path, embedded_path
from agent.engine.frames import Frame
from agent.engine.gguf import check_header, digest
from agent.engine.model import Options
from agent.engine.process import Worker
from agent.engine.safety import CURE, Safety
from agent.errors import BackendDown, BackendError
from agent.models import verify
from agent.picture import Picture
from agent.settings import AbilitySettings, LlamaSettings

log = logging.getLogger(__name__)


class LlamaBackend:
    """Settings as in [agent.llama]; `cache` keeps digests of model files between runs.

    `request.adapter` is the path of a GGUF LoRA adapter ("" for none); None means the configured one.
    """

    def __init__(
        self,
        settings: LlamaSettings,
        *,
        abilities: AbilitySettings | None = None,
        cache: Path = Path("data/cache"),
    ) -> None:
        self._settings, self._overrides, self._cache = settings, abilities or AbilitySettings(), cache
        self._path = Path(settings.path).expanduser() if settings.path else embedded_path()
        self._adapter = adapter_path(settings.adapter, embedded=not settings.path)
        self._worker: Worker | None = None
        self._names: dict[str, str] = {}
        self._abilities: Abilities | None = None
        self._probing, self._starting = asyncio.Lock(), asyncio.Lock()
        self._closed = self._told = False

    @property
    def model(self) -> str:
        """File name without ending, and 12 digits of the content's hash; adapter likewise. Reads the file
        the first time it is asked before `start`.
        """
        return self._name(self._adapter)

    async def check(self) -> None:
        """Looks at the files and loads nothing. Raises BackendError naming the one that will not do."""
        await asyncio.to_thread(self._check_files)

    def _check_files(self) -> None:
        self._name(self._adapter)
        if self._settings.mmproj:
            self._file_name(Path(self._settings.mmproj).expanduser())

    def _name(self, adapter: str) -> str:
        if adapter not in self._names:
            name = self._file_name(self._path)
            if adapter:
                name = f"{name}+{self._file_name(Path(adapter).expanduser())}"
            self._names[adapter] = name
        return self._names[adapter]

    def _file_name(self, path: Path) -> str:
        check_header(path)
        found = digest(path, self._cache)
        verify(path, found)
        return f"{path.stem}-{found[:12]}"

    async def start(self) -> None:
        """Raises BackendError naming the file that does not load."""
        self._closed = False
        async with self._starting:
            await self.check()
            if self._closed:
                raise BackendDown("the model was closed while it was being loaded", mend="start it again")
            if self._worker is None:
                safety = await asyncio.to_thread(self._safety)
                self._worker = Worker(
                    self._options(), stall_seconds=self._settings.stall_seconds, safety=safety
                )
            await self._worker.start()
            self._tell_of_a_missing_template()

    def _tell_of_a_missing_template(self) -> None:
        """Once, for the owner: replies may be poor, and nothing else would say why."""
        if not self.worker.facts.get("template", True) and not self._told:
            self._told = True
            log.warning(
                "%s has no chat template: ChatML is taken, which may not be what it was trained with",
                self._path.name,
            )

    def _safety(self) -> Safety:
        return Safety(self._cache, self._file_name(self._path))

    def slowed(self) -> tuple[str, str]:
        """Why this model runs with safe settings here, and the cure; both empty where it does not. Blocking."""
        cause = self._safety().cause
        return (cause, CURE) if cause else ("", "")

    def _options(self) -> Options:
        return Options(
            path=str(self._path.resolve()),
            mmproj=_absolute(self._settings.mmproj),
            context=self._settings.context,
            threads=self._settings.threads,
            gpu_layers=self._settings.gpu_layers,
        )

    async def _ready(self) -> Worker:
        """The worker with its model loaded: whoever comes first starts it, and all wait for that."""
        if self._closed:
            raise BackendDown("the model is closed", mend="start it first")
        if self._worker is None:
            await self.start()
        elif not self._worker.facts:
            await self._worker.ready()
        return self.worker

    async def close(self) -> None:
        self._closed = True
        if self._worker:
            await self._worker.close()

    @property
    def worker(self) -> Worker:
        """The process behind it, for `doctor` and figures. Raises BackendError before `start`."""
        if self._worker is None:
            raise BackendError("the model is not started", mend="call start() first")
        return self._worker

    async def abilities(self) -> Abilities:
        """Known by construction, but for sight: a model with a projector is asked to read digits."""
        async with self._probing:
            if self._abilities is None:
                self._abilities = await self._find_abilities()
            return self._abilities

    async def _find_abilities(self) -> Abilities:
        said = self._overrides.model_dump(exclude_none=True)
        facts = (await self._ready()).facts
        sees = said.get("sees")
        if sees is None:
            sees = bool(facts.get("sees")) and await self._can_read()
        context = min(int(facts["context"]), int(said.get("context", 1 << 30)))
        return Abilities(
            sees=sees,
            streams=said.get("streams", True),
            grammar=said.get("grammar", True),
            adapters=said.get("adapters", True),
            logprobs=said.get("logprobs", False),
            context=context,
            source="probed, config" if said else "probed",
            weights=int(facts.get("weights", 0)),
        )

    async def _can_read(self) -> bool:
        from agent.backends.probe import probe_sight

        return bool(await probe_sight(self.generate, self._cache / "probe"))

    async def count(self, messages: Sequence[Message]) -> int:
        """Exact. Never waits for a reply that is being made."""
        result = await (await self._ready()).call("count", messages=[_message(m) for m in messages])
        return int(result["tokens"])

    async def generate(self, request: Request) -> AsyncIterator[Piece | Done]:
        sampling = request.sampling
        seed = secrets.randbelow(2**31) if sampling.seed is None else sampling.seed
        adapter = self._adapter if request.adapter is None else request.adapter
        if adapter not in self._names:
            await asyncio.to_thread(self._name, adapter)
        worker = await self._ready()
        stream: AsyncGenerator[Frame, None] = worker.stream(
            "generate",
            messages=[_message(m) for m in request.messages],
            sampling={**asdict(sampling), "seed": seed},
            grammar=request.grammar,
            adapter=_absolute(adapter),
        )
        # A reply that is held to a schema is JSON from its first character, and cannot think.
        think = None if request.grammar else ThinkFilter(opened(str(worker.facts.get("prompt_end", ""))))
        async with aclosing(stream) as frames:
            async for frame in frames:
                if text := frame.get("text"):
                    if text := think.feed(text) if think else text:
                        yield Piece(text)
                elif result := frame.get("result"):
                    if think and (text := think.finish()):
                        yield Piece(text)
                    yield Done(
                        finish=Finish(result["finish"]),
                        prompt_tokens=result["prompt_tokens"],
                        reply_tokens=result["reply_tokens"],
                        cached_tokens=result["cached_tokens"],
                        model=self._names[adapter],
                        seed=seed,
                    )


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().resolve()) if path else ""


def _message(message: Message) -> Frame:
    return {"role": message.role, "parts": [_part(p) for p in message.parts]}


def _part(part: str | Picture) -> str | Frame:
    if isinstance(part, str):
        return part
    return {"sha256": part.sha256, "path": str(part.path.resolve())}
