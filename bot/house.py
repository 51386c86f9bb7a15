"""What every part of the bot works with, made once by the door."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.agent import Agent
from agent.cast import Cast
from agent.character import Character
from agent.errors import CharacterError
from agent.eyes.eyes import Eyes
from agent.fetch import Fetcher
from agent.intake import Intake
from bot.events import Place
from bot.platforms.base import Platform
from bot.settings import BotSettings
from journal.journal import Journal


@dataclass
class House:
    """`idle` is the silence that ends a dialogue, `pictures` the folder they lie in, `default` the id of the
    character that answers where none is present."""

    settings: BotSettings
    journal: Journal
    agent: Agent
    cast: Cast
    intake: Intake
    fetcher: Fetcher
    eyes: Eyes
    pictures: Path
    per_turn: int
    idle: timedelta
    default: str
    platforms: dict[str, Platform] = field(default_factory=dict)

    def platform(self, place: Place) -> Platform:
        return self.platforms[place.platform]

    def allowed(self, place: Place) -> dict[str, Character]:
        """The cast of a place: age-restricted characters only where the place is age-restricted."""
        return {i: c for i, c in self.cast.characters.items() if place.adult or not c.adult}

    def equipped(self, character: Character, channel: str) -> Character:
        """The character with the lorebooks that are attached to it and to the channel (its key)."""
        return self.cast.lorebooks.equip(character, channel)

    def character(self, name: str, place: Place) -> Character:
        """The character of that name or id; raises CharacterError if there is none, or not here."""
        found = self.cast.get(name)
        if found.adult and not place.adult:
            raise CharacterError(
                f"{found.name} is age-restricted",
                where=place.name,
                mend="invite them to a channel that is marked as age-restricted",
            )
        return found


def now() -> datetime:
    return datetime.now(UTC)
