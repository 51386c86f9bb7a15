"""Where the bot listens and who may set it up, as configured."""

import discord

from bot.events import Place
from bot.platforms.discord import translate
from bot.settings import DiscordSettings


class Rules:
    def __init__(self, settings: DiscordSettings) -> None:
        self._allowed = {str(i) for i in settings.allowed_channels}
        self._everyone = settings.managers == "everyone"

    def allows(self, place: Place) -> bool:
        """Is this place on the allow-list, itself or as a thread of a channel that is? An empty list is
        everywhere; with a list, direct messages have to be on it too."""
        return not self._allowed or place.id in self._allowed or place.parent in self._allowed

    def manages(self, user: discord.User | discord.Member, channel: object) -> bool:
        return self._everyone or translate.manages(user, channel)
