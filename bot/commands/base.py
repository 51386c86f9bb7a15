"""What a command works with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.character import Character
from agent.errors import CharacterError, PlatformError
from bot.events import Author, Command, Place

if TYPE_CHECKING:
    from bot.bot import Bot
    from bot.house import House


@dataclass(frozen=True)
class Context:
    bot: "Bot"
    command: Command

    @property
    def house(self) -> "House":
        return self.bot.house

    @property
    def place(self) -> Place:
        return self.command.place

    @property
    def author(self) -> Author:
        return self.command.author

    def text(self, name: str) -> str:
        return str(self.command.arguments.get(name, "")).strip()

    def number(self, name: str, default: int) -> int:
        value = self.command.arguments.get(name, default)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def character(self, argument: str = "character") -> Character:
        """The character an argument names; raises CharacterError where it names none."""
        name = self.text(argument)
        if not name:
            raise CharacterError(
                "no character was named", mend="name one; /character list shows who there is"
            )
        return self.house.character(name, self.place)

    def need_manager(self) -> None:
        """Raises PlatformError unless the person may set up characters here."""
        if not self.author.manager:
            raise PlatformError(
                "only people who manage this channel may do that",
                mend="ask somebody who may; /talk works for everybody",
            )
