"""Puts the Discord platform together with what it needs from the house."""

from collections.abc import Mapping

from agent.faces import face
from bot.house import House
from bot.memory import Memory
from bot.platforms.discord.platform import DiscordPlatform
from bot.settings import DiscordSettings


def make_discord(
    settings: DiscordSettings, house: House, token: str, accounts: Mapping[str, str]
) -> DiscordPlatform:
    """`accounts` maps character ids to tokens; empty ones are left out."""
    memory = Memory(house.journal, "discord")
    return DiscordPlatform(
        settings,
        token,
        {character: own for character, own in accounts.items() if own},
        faces=lambda character_id: face(house.cast.characters[character_id]),
        memory=memory,
        known=memory.known,
    )
