"""The contract of a messaging platform. One contract suite (tests/bot/platforms/) runs over all of them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bot.events import Answer, Command, Event, Incoming, Outgoing, Place


@dataclass(frozen=True, slots=True)
class PlatformLimits:
    """`message_chars` of one message (0: no limit), `update_seconds` the least time between two updates of
    one reply (0: every piece of text)."""

    message_chars: int = 0
    update_seconds: float = 0.0


class Inbox(Protocol):
    """The bot, as a platform sees it."""

    async def receive(self, event: Event) -> None:
        """Takes an event. Returns as soon as it is safely stored (or of no interest); replies come later
        through `Platform.open`. A repeat of an event already taken is dropped."""
        ...

    async def command(self, command: Command) -> Answer:
        """Carries out a command and says what came of it. Never raises VignetteError: that becomes an
        Answer. Replies by characters come through `Platform.open`."""
        ...

    async def suggest(
        self, place: Place, command: str, argument: str, typed: str
    ) -> Sequence[tuple[str, str]]:
        """Completions (label, value) for an argument, best first, at most 25."""
        ...

    async def joined(self, platform: "Platform") -> None:
        """The platform is connected (again) and can post: fills gaps from its history, finishes what was
        left undelivered."""
        ...


class Delivery(Protocol):
    """One reply being shown. The bot calls from one task only: any number of updates, then one of finish or
    abort; where finish raises PlatformRefused, abort follows."""

    async def update(self, text: str) -> None:
        """Shows the whole text so far. May skip; must not block for pacing."""
        ...

    async def finish(self, text: str) -> Sequence[str]:
        """Shows the final text, which replaces all updates. Returns the platform's message ids, in order;
        raises PlatformError if it could not be delivered, PlatformRefused if it never can be."""
        ...

    async def abort(self, words: str) -> None:
        """The reply will not come: takes back what was shown and, if there are `words`, says why."""
        ...


class Posted(Protocol):
    """Told of every message id as soon as it is known, so that a crash cannot double it."""

    async def __call__(self, turn_id: str, message_id: str) -> None: ...


class Platform(Protocol):
    name: str
    limits: PlatformLimits

    async def run(self, inbox: Inbox, posted: Posted) -> None:
        """Connects, and feeds the inbox until cancelled. Reconnects by itself; raises PlatformError for what
        only a person can mend (a bad token, a missing intent, a port in use)."""
        ...

    async def open(self, turn: Outgoing) -> Delivery:
        """Begins to show a character's reply (typing). With `turn.posted`, goes on in those messages."""
        ...

    async def find(self, turn: Outgoing) -> Sequence[str] | None:
        """Message ids by which this turn already stands on the platform, [] if it does not, None if that
        cannot be told."""
        ...

    def history(self, place: Place, after: str) -> AsyncIterator[Incoming]:
        """People's messages in a place after the message id, oldest first; ends early where it must."""
        ...

    async def notice(self, place: Place, words: str) -> None:
        """Says something in the bot's own voice (never in a character's)."""
        ...


@runtime_checkable
class ShowsDuets(Protocol):
    """A platform that shows whether a duet is running may have this too."""

    async def duet(self, place: Place, running: bool) -> None:
        """A duet began in the place, or is over there."""
        ...


@runtime_checkable
class ReadsAgain(Protocol):
    """A platform whose addresses of pictures expire has this too."""

    async def again(self, message: Incoming) -> Incoming | None:
        """The same message as it stands now, with addresses that are good; None if it is gone or out of reach."""
        ...


@runtime_checkable
class LosesPlaces(Protocol):
    """A platform whose places do not outlive it (a terminal's conversation ends with it) has this too."""

    def stands(self, place: Place) -> bool:
        """Whether anything can still be said in that place."""
        ...
