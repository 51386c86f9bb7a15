"""The backend for OpenAI-compatible servers: several endpoints, tried in order, behind one contract.

A server is asked again (exponential back-off with full jitter, Retry-After honoured) and the next server
takes over only while the reply has not begun: halves of two replies are never spliced together.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

from agent.backends.base import Abilities, Message, Request
from agent.backends.remote.site import Site, Stream
from agent.backends.remote.spend import Ledger
from agent.errors import BackendDown, BackendError, BackendRefused, ConfigError, PromptError, SpendCapReached
from agent.settings import AbilitySettings, OpenAISettings, Secrets

log = logging.getLogger(__name__)


class OpenAIBackend:
    """`pause` is the back-off's first bound in seconds. Raises ConfigError where no endpoint can be used."""

    def __init__(
        self,
        settings: OpenAISettings,
        secrets: Secrets,
        *,
        abilities: AbilitySettings,
        cache: Path,
        pause: float = 0.5,
    ) -> None:
        if not settings.endpoints:
            raise ConfigError(
                "the openai backend has no server to ask",
                where="agent.openai.endpoints",
                mend='add [[agent.openai.endpoints]] with base_url = "http://host:port/v1" and model = "name"',
            )
        ledger = Ledger(cache / "spend.json", settings.spend_cap_usd)
        self._sites = [
            Site(e, secrets.get(e.key_env) if e.key_env else "", settings, ledger, pause, abilities, cache)
            for e in settings.endpoints
        ]
        self._closed = False

    @property
    def model(self) -> str:
        """The first endpoint's model and host: `name@host`."""
        return self._sites[0].server.name

    async def start(self) -> None:
        """Makes the clients. No server is asked yet: it may come up later."""
        for site in self._sites:
            await site.server.start()

    async def check(self) -> None:
        """Knocks at every server. Raises one BackendError for all that cannot be reached or refuse the key."""
        await self._ready()
        told = await asyncio.gather(*(site.server.knock() for site in self._sites), return_exceptions=True)
        failures = [error for error in told if isinstance(error, BackendError)]
        if failures:
            raise _all_failed(failures)

    async def close(self) -> None:
        self._closed = True
        for site in self._sites:
            await site.server.close()

    async def abilities(self) -> Abilities:
        """The first endpoint's. Those of the others are found when it is their turn."""
        await self._ready()
        return await self._sites[0].abilities()

    async def count(self, messages: Sequence[Message]) -> int:
        """Exact where the first server offers to count, else an upper estimate (see remote/estimate.py)."""
        await self._ready()
        return await self._sites[0].counter.count(messages)

    async def generate(self, request: Request) -> Stream:
        await self._ready()
        failures: list[BackendError] = []
        for site in self._sites:
            begun = False
            try:
                await site.check(request)
                async with aclosing(site.reply(request)) as items:
                    async for item in items:
                        begun = True
                        yield item
                return
            except PromptError:
                raise
            except BackendError as error:
                if begun:
                    raise
                failures.append(error)
                log.warning("no reply from %s: %s", site.server.name, error.what)
        raise _all_failed(failures)

    async def _ready(self) -> None:
        if self._closed:
            raise BackendDown("the openai backend is closed", mend="restart the program")
        await self.start()


def _all_failed(failures: list[BackendError]) -> BackendError:
    """One error for all servers: the only one, or the kind that leaves most hope."""
    if len(failures) == 1:
        return failures[0]
    what = "no server answered: " + "; ".join(f"{f.where or 'agent.openai'}: {f.what}" for f in failures)
    mend = "; ".join(dict.fromkeys(f.mend for f in failures if f.mend))
    for kind in (BackendDown, SpendCapReached):
        if any(isinstance(f, kind) for f in failures):
            return kind(what, mend=mend)
    return BackendRefused(what, mend=mend)
