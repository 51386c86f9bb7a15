"""What can be set about conversations and platforms."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from agent.settings import Room


class LimitSettings(Room):
    """Messages that are answered: `burst` at once, then one every `seconds`."""

    user_burst: int = Field(5, gt=0)
    user_seconds: float = Field(4.0, gt=0)
    channel_burst: int = Field(10, gt=0)
    channel_seconds: float = Field(1.5, gt=0)
    server_burst: int = Field(30, gt=0)
    server_seconds: float = Field(0.5, gt=0)
    channel_queue: int = Field(16, gt=0, description="turns that may wait in one channel")


class DuetSettings(Room):
    turns: int = Field(6, ge=2, description="unless the person names a number")
    max_turns: int = Field(24, ge=2)
    max_tokens: int = Field(6_000, gt=0)
    max_seconds: float = Field(900.0, gt=0)
    pause_seconds: float = Field(1.0, ge=0, description="between two turns, so that people can follow")
    repetition: float = Field(0.6, gt=0, le=1, description="likeness of word triples at which it ends")


class FilterSettings(Room):
    """Words that must not be posted: regular expressions; a reply that meets one is withheld."""

    patterns: tuple[str, ...] = ()


class WebSettings(Room):
    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(8765, ge=0, le=65_535, description="0: any free port")
    allowed_hosts: tuple[str, ...] = Field((), description="further values of the Host header")


class DiscordSettings(Room):
    """Joined when the environment holds DISCORD_TOKEN. `accounts` maps a character's id to the name of the
    environment variable with that character's own bot token."""

    enabled: bool = True
    webhooks: bool = True
    edits_per_second: float = Field(1.0, gt=0, le=5)
    allowed_channels: tuple[int, ...] = ()
    managers: Literal["manage-channels", "everyone"] = "manage-channels"
    accounts: Mapping[str, str] = Field(default_factory=dict)
    guild: int | None = Field(None, description="register commands there only (seen at once; for trying out)")
    proxies: tuple[int, ...] = Field(
        (466_378_653_216_014_359,),  # PluralKit
        description="application ids whose webhooks speak for people",
    )
    proxy_seconds: float = Field(1.0, ge=0, description="the proxied message follows within them")
    harvest_permitted: bool = Field(False, description="Discord's express permission to train is on record")


class BotSettings(Room):
    limits: LimitSettings = LimitSettings()
    duet: DuetSettings = DuetSettings()
    filter: FilterSettings = FilterSettings()
    web: WebSettings = WebSettings()
    discord: DiscordSettings = DiscordSettings()
