"""A model on its way: fetched while another speaks, then put in its place without a restart."""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from agent import models
from agent.backends.base import Backend
from agent.errors import BackendError, Busy, ConfigError, VignetteError
from agent.queue import Queue
from agent.settings import AgentSettings, Endpoint

log = logging.getLogger(__name__)
T = TypeVar("T")
# From a server's address, a model's name ("": its only one) and a key ("": none) to a backend that has answered, and
# the endpoint it stands for. Raises VignetteError.
Reach = Callable[[str, str, str], Awaitable[tuple[Backend, Endpoint]]]


class Stage(StrEnum):
    IDLE = "idle"  # nothing was asked for yet
    FETCHING = "fetching"
    LOADING = "loading"  # complete; its checksums are compared, then it is loaded beside the one that speaks
    ASKING = "asking"  # a server, whether it answers
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Progress:
    """`arrived` of `size` bytes (0: not known yet) of the model `name`; `error` tells why it failed; `keep` the lines
    of config.toml that choose it for the next start too, where the pointer of `models use` cannot."""

    stage: Stage = Stage.IDLE
    name: str = ""
    arrived: int = 0
    size: int = 0
    error: str = ""
    keep: str = ""


class Supply:
    """Brings one model at a time to `queue`. `make` builds the backend that the settings and the pointer of
    `models use` mean by then, not started; `reach` the one for a server. Made, begun and closed on one event loop."""

    def __init__(
        self, settings: AgentSettings, queue: Queue, make: Callable[[], Backend], reach: Reach | None = None
    ) -> None:
        self._settings, self._queue, self._make = settings, queue, make
        self._reach = reach
        self._folder = models.folder(settings)
        self._now = Progress()
        self._task: asyncio.Task[None] | None = None

    def obstacle(self) -> str:
        """Why no model can be put in place of the one that speaks; empty where one can."""
        if self._settings.backend != "llama":
            return f'config.toml sets backend = "{self._settings.backend}"'
        return "config.toml names a model, [agent.llama] path" if self._settings.llama.path else ""

    def progress(self) -> Progress:
        """Blocking for as long as it takes to ask the size of a few files."""
        now = self._now
        if now.stage is not Stage.FETCHING:
            return now
        arrived = models.arrived(self._folder, models.offer(now.name))
        return Progress(now.stage, now.name, min(arrived, now.size) if now.size else arrived, now.size)

    def begin(self, name: str) -> None:
        """Raises ConfigError where there is no such model or it could not speak, Busy while one is coming."""
        models.offer(name)
        if obstacle := self.obstacle():
            raise ConfigError(
                f"the model cannot be changed here: {obstacle}", mend="change that, and restart"
            )
        self._start(Progress(Stage.FETCHING, name), self._bring(name))

    def connect(self, address: str, model: str, key: str) -> None:
        """A server that speaks OpenAI's protocol speaks from now on, if it answers. Raises Busy."""
        self._start(Progress(Stage.ASKING, address), self._connect(address, model, key))

    def _start(self, now: Progress, work: Coroutine[None, None, Progress]) -> None:
        if self._task and not self._task.done():
            work.close()
            raise Busy(f"{self._now.name} is on its way already", mend="wait until it is here")
        self._now = now
        self._task = asyncio.create_task(self._told(now.name, work), name=f"model {now.name}")

    async def settled(self) -> Progress:
        """Once nothing is on its way any more."""
        if self._task:
            await asyncio.wait([self._task])
        return self._now

    async def close(self) -> None:
        """A transfer under way is left behind: what has arrived is kept for the next time."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _told(self, name: str, work: Coroutine[None, None, Progress]) -> None:
        try:
            self._now = await work
        except VignetteError as error:
            log.warning("model %s: %s", name, error)
            mend = f". To mend it: {error.mend}" if error.mend else ""
            self._now = Progress(Stage.FAILED, name, error=f"{error.what}{mend}")
        except Exception:
            log.exception("model %s could not be brought", name)
            self._now = Progress(Stage.FAILED, name, error="something went wrong here; it was logged")

    async def _bring(self, name: str) -> Progress:
        await _apart(lambda: models.get(self._folder, name, sized=self._sized))
        self._now = Progress(Stage.LOADING, name, self._now.size, self._now.size)
        await self._switch(name)
        return Progress(Stage.DONE, name, self._now.size, self._now.size)

    async def _connect(self, address: str, model: str, key: str) -> Progress:
        if self._reach is None:
            raise ConfigError(
                "no server can be chosen here", mend="name it in config.toml, under [agent.openai]"
            )
        fresh, endpoint = await self._reach(address, model, key)
        await self._queue.change(fresh)
        return Progress(Stage.DONE, fresh.model, keep=_lines(endpoint, bool(key)))

    def _sized(self, size: int) -> None:
        self._now = Progress(Stage.FETCHING, self._now.name, 0, size)

    async def _switch(self, name: str) -> None:
        """The pointer moves first, for `make` follows it, and back where the model does not load."""
        before = await asyncio.to_thread(models.read_current, self._folder)
        await _apart(lambda: models.use(self._folder, name))
        try:
            fresh = await asyncio.to_thread(self._make)
            try:
                await fresh.start()
                able = await fresh.abilities()
                if not able.sees:
                    raise BackendError(
                        f"{name} was loaded, but did not read what was drawn for it",
                        mend="take another model",
                    )
            except BaseException:
                with contextlib.suppress(VignetteError):
                    await fresh.close()
                raise
        except BaseException:
            models.set_current(self._folder, before)
            raise
        await self._queue.change(fresh)


def _lines(endpoint: Endpoint, keyed: bool) -> str:
    """TOML; JSON's strings are TOML's too."""
    lines = ["[agent]", 'backend = "openai"', "", "[[agent.openai.endpoints]]"]
    lines += [f"base_url = {json.dumps(endpoint.base_url)}", f"model = {json.dumps(endpoint.model)}"]
    if keyed:
        lines.append('key_env = "OPENAI_API_KEY"  # the key itself goes into .env')
    return "\n".join(lines)


async def _apart(work: Callable[[], T]) -> T:
    """`work` in a thread that the end of the program does not wait for: a transfer takes minutes and cannot be
    broken off. The executor's threads are waited for."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            done.set_exception(error)

    done.set_running_or_notify_cancel()
    threading.Thread(target=run, name="model transfer", daemon=True).start()
    return await asyncio.wrap_future(done)
