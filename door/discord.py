"""Puts the Discord platform together with what it needs from the house."""

import urllib.request
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from agent.faces import face
from bot.house import House
from bot.memory import Memory
from bot.platforms.discord.platform import DiscordPlatform
from bot.settings import DiscordSettings

if TYPE_CHECKING:
    from aiohttp import BaseConnector


def make_discord(
    settings: DiscordSettings,
    house: House,
    token: str,
    accounts: Mapping[str, str],
    *,
    connector_factory: "Callable[[], BaseConnector] | None" = None,
    proxy: str | None = None,
    **patience: float,
) -> DiscordPlatform:
    """`accounts` maps character ids to tokens; empty ones are left out. Without `proxy` and
    `connector_factory`, HTTPS_PROXY decides.
    `patience` (pause, ready_timeout, identify_pause: seconds) is DiscordPlatform's own."""
    memory = Memory(house.journal, "discord")
    return DiscordPlatform(
        settings,
        token,
        {character: own for character, own in accounts.items() if own},
        faces=lambda character_id: face(house.cast.characters[character_id]),
        memory=memory,
        known=memory.known,
        connector_factory=connector_factory,
        proxy=proxy if proxy or connector_factory else configured_proxy(),
        **patience,
    )


def configured_proxy() -> str | None:
    """The proxy that this machine's environment names for Discord (HTTPS_PROXY, unless NO_PROXY excepts it)."""
    if urllib.request.proxy_bypass("discord.com"):
        return None
    return urllib.request.getproxies().get("https") or None
