"""The real bot on the real Discord platform, in process: only the model and Discord itself are played."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.addresses import Allow
from agent.backends.base import Backend
from agent.fetch import Fetcher
from bot.bot import Bot
from door.discord import make_discord
from door.house import open_bot
from door.settings import load
from journal import dialogues, turns
from journal.turns import TurnRow
from tests.fakes.discord import LoopbackDiscord
from tests.fakes.discord.world import Json
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
HOLMES, ADA = "sherlock-holmes", "ada-lovelace"
CDN = [("cdn.discordapp.com", 443), ("media.discordapp.net", 443)]
SETTINGS = f"""
[agent.cast]
shipped = "{ROOT}/characters"
[agent.eyes]
tags = false
text = false
"""
WORDS = "You see, but you do not observe. The hat has been brushed this very morning."
QUICK = "[bot.discord]\nedits_per_second = 5.0\n"
SEES_ALL = QUICK + "[agent.prompt]\npictures = 8\n"
PATIENCE: dict[str, Any] = {"pause": 0.05, "ready_timeout": 0.05, "identify_pause": 0.0}


@dataclass
class Theatre:
    """`boss` may manage channels, `john` may not."""

    d: LoopbackDiscord
    bot: Bot
    guild: Json
    channel: Json
    boss: Json
    john: Json

    async def do(
        self,
        name: str,
        /,
        *,
        by: Json | None = None,
        channel: Json | None = None,
        picture: bytes = b"",
        **options: str | int,
    ) -> str:
        """A slash command, and what is said back."""
        files = {"picture": picture} if picture else {}
        used = await self.d.slash(by or self.boss, channel or self.channel, name, options, files)

        def said() -> list[str]:  # "Done." stands in private until the answer for all is there
            return [s.content for s in used.visible if s.content.strip() not in ("", "Done.")]

        return (await eventually(said))[-1]

    async def say(
        self, text: str = "", *, channel: Json | None = None, by: Json | None = None, **kw: object
    ) -> Json:
        return await self.d.say(by or self.john, channel or self.channel, text, **kw)  # type: ignore[arg-type]

    async def answered(
        self, count: int = 1, channel: Json | None = None, seconds: float = 60.0
    ) -> list[TurnRow]:
        """The channel's rows once so many turns of characters have come to an end, and nothing is left to do."""

        async def ended() -> bool:
            rows = await self.logged(channel)
            return sum(r.speaker_kind == "character" and r.state not in turns.OPEN for r in rows) >= count

        await eventually(ended, seconds, every=0.02)
        async with asyncio.timeout(seconds):
            await self.bot.lanes.idle()
        return await self.logged(channel)

    async def logged(self, channel: Json | None = None) -> list[TurnRow]:
        """Everything in the journal about a channel, in order."""
        place = f"discord:{(channel or self.channel)['id']}"
        async with self.bot.house.journal.read() as tx:
            found = await dialogues.listing(tx, limit=50)
            here = [d for d in reversed(found) if d.channel_id == place]
            return [t for d in here for t in await turns.of_dialogue(tx, d.id)]


@asynccontextmanager
async def theatre(
    d: LoopbackDiscord,
    folder: Path,
    backend: Backend | None,
    *,
    settings: str = "",
    accounts: Mapping[str, str] | None = None,
    guild: Json | None = None,
    channel: Json | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Theatre]:
    """Connected, with the commands registered. The same folder is the same journal; the same guild and
    channel are found again in it."""
    guild = guild or d.guild()
    channel = channel or d.channel(guild)
    (folder / "config.toml").write_text(SETTINGS + settings)
    loaded = load(folder / "config.toml", environment or {})
    fetcher = Fetcher(
        loaded.agent.intake, Allow.of(CDN), resolver=d.resolver(), connector_factory=d.connector
    )
    async with open_bot(loaded, backend=backend, fetcher=fetcher) as bot:
        platform = make_discord(
            loaded.bot.discord,
            bot.house,
            d.bot.token,
            accounts or {},
            connector_factory=d.connector,
            **PATIENCE,
        )
        bot.house.platforms["discord"] = platform
        await bot.house.agent.backend.start()
        before = d.gateway.identified
        task = asyncio.create_task(platform.run(bot, bot))
        try:
            await eventually(lambda: d.bot.commands and d.gateway.identified > before)
            yield Theatre(d, bot, guild, channel, d.user("Boss", manager=True), d.user("John"))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
