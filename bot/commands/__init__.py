"""What people can command, the same on every platform. One function a command; errors become answers."""

from collections.abc import Awaitable, Callable, Mapping

from bot.commands.base import Context
from bot.commands.characters import add, info, listing, remove
from bot.commands.completion import suggestions
from bot.commands.duets import duet
from bot.commands.people import forget, privacy
from bot.commands.talking import again, new, stop, talk, why
from bot.commands.texts import help_
from bot.events import Answer

Action = Callable[[Context], Awaitable[Answer]]

COMMANDS: Mapping[str, Action] = {
    "character.add": add,
    "character.remove": remove,
    "character.list": listing,
    "character.info": info,
    "talk": talk,
    "duet": duet,
    "new": new,
    "stop": stop,
    "again": again,
    "why": why,
    "forget": forget,
    "privacy": privacy,
    "help": help_,
}

__all__ = ["COMMANDS", "Action", "Context", "suggestions"]
