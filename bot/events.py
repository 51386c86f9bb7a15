"""What platforms tell the bot, and what the bot tells people. Plain data; adapters hold no logic beyond
translation into it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happens: a channel, a thread (then `parent` is its channel), a direct message, a web
    conversation. `id` is native to the platform. `server` groups channels (a Discord guild), empty if none.
    """

    platform: str
    id: str
    name: str = ""
    parent: str = ""
    server: str = ""
    private: bool = False
    adult: bool = False

    @property
    def key(self) -> str:
        """The journal's channel id."""
        return f"{self.platform}:{self.id}"


@dataclass(frozen=True, slots=True)
class Author:
    """A person. `name` is what they call themselves there: for display only, hostile. `manager` may set up
    characters in this place."""

    platform: str
    id: str
    name: str
    manager: bool = False

    @property
    def key(self) -> str:
        """The journal's person id."""
        return f"{self.platform}:{self.id}"


def named(platform: str, server: str, name: str) -> Author:
    """Somebody who is known by a name alone, and only within a server: no account stands behind it, so nobody can
    agree to anything in that name. No native id has a slash."""
    return Author(platform, f"{server}/{' '.join(name.split()).casefold()}", name)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture on its way in: either `url` (fetched under limits) or `sha256` of a picture already taken
    in (bytes that came with the request itself, as on the web page)."""

    url: str = ""
    sha256: str = ""
    filename: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True)
class Incoming:
    """A person's message.

    `id` is the platform's own message id, unique there. `addressed` lists ids of characters the platform
    itself knows to be meant (a character's own bot account was mentioned, `/talk`); `mentions_bot` that the
    bot as such was. `quoted` holds pictures of the message this one replies to or forwards.
    """

    place: Place
    author: Author
    id: str
    text: str
    attachments: tuple[Attachment, ...] = ()
    reply_to: str = ""
    quoted: tuple[Attachment, ...] = ()
    addressed: tuple[str, ...] = ()
    mentions_bot: bool = False
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    """A person changed a message."""

    place: Place
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """A message is gone from the platform, whoever wrote it."""

    place: Place
    id: str


@dataclass(frozen=True, slots=True)
class Reacted:
    """A person put (or, with `removed`, took back) a reaction on a message."""

    place: Place
    author: Author
    id: str
    emoji: str
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command with its typed arguments, named as in bot.commands. `id` as in Incoming; `attachments` the
    pictures that came with it."""

    place: Place
    author: Author
    id: str
    name: str
    arguments: dict[str, str | int | bool] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command says back: for the person alone (`private`) or for the place."""

    text: str
    private: bool = True


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A character's turn on its way out. `after` is the platform id of the message it answers (empty in a
    duet), `posted` the message ids already known to belong to it (after a restart), in order."""

    turn_id: str
    place: Place
    character_id: str
    character_name: str
    after: str = ""
    posted: tuple[str, ...] = ()


Event = Incoming | Edited | Deleted | Reacted
