"""What is going on in each conversation, and who watches: an ordered log of events per place.

Publishing never waits. Every watcher has a bounded queue; one that cannot keep up is cut loose and told to
load the conversation anew. The log of a place is bounded too: what fell out of it is asked from the journal.
"""

import asyncio
import secrets
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any

from agent.errors import Busy

QUEUE = 256  # events that may wait for one watcher
LOG = 1_000  # events kept of a place
PLACES = 500  # places kept in memory, the longest quiet forgotten first
WATCHERS = 256  # streams open at once, over all places
HEARD = 32  # people's turns of a place that may wait for the journal
HEARD_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Shown:
    """One event of a place. `id` is unique there and tells which log of which process it is from."""

    number: int
    id: str
    name: str
    data: dict[str, Any]


@dataclass(eq=False)
class Watcher:
    """`queue` ends with None: the stream is over. `lost` says that events are missing from it."""

    place: str
    queue: asyncio.Queue[Shown | None] = field(default_factory=lambda: asyncio.Queue(QUEUE + 1))
    lost: bool = False


class Log:
    """The events of one place, newest last. Updates of finished turns are forgotten: the end says it all."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(4)
        self.number = 0
        self.dropped = 0  # number of the newest event that fell out for want of room
        self.events: deque[Shown] = deque()
        self.live: dict[str, dict[str, Any]] = {}  # turn id -> what is shown of it so far
        self.watchers: set[Watcher] = set()
        self.duet = False
        self._heard: OrderedDict[str, tuple[float, dict[str, Any]]] = OrderedDict()

    @property
    def cursor(self) -> str:
        return f"{self.epoch}-{self.number}"

    def add(self, name: str, data: dict[str, Any]) -> Shown:
        self.number += 1
        event = Shown(self.number, f"{self.epoch}-{self.number}", name, data)
        if name in ("turn-finish", "turn-abort"):
            done = data["turn"]
            self.events = deque(e for e in self.events if e.name != "turn-update" or e.data["turn"] != done)
        self.events.append(event)
        self._follow(name, data)
        while len(self.events) > LOG:
            self.dropped = self.events.popleft().number
        return event

    def heard(self) -> list[dict[str, Any]]:
        """People's turns that wait in the bot's queue: the journal may not show them yet."""
        now = time.monotonic()
        return [data for at, data in self._heard.values() if now - at < HEARD_SECONDS]

    def knows(self, message_id: str) -> bool:
        return any(e.name == "human-turn" and e.data["id"] == message_id for e in self.events)

    def forget_heard(self) -> None:
        self._heard.clear()

    def renew(self) -> None:
        """Forgets all words. Who comes back after a gap is sent to the journal."""
        self.epoch, self.dropped = secrets.token_hex(4), self.number
        self.events.clear()
        self._heard.clear()

    def _follow(self, name: str, data: dict[str, Any]) -> None:
        if name == "human-turn":
            self._heard[data["id"]] = (time.monotonic(), data)
            while len(self._heard) > HEARD:
                self._heard.popitem(last=False)
        elif name == "turn-open":  # what is being answered is in the journal
            self._heard.pop(data["after"], None)
        elif name == "human-withdrawn":
            self._heard.pop(data["id"], None)
        elif name == "duet":
            self.duet = data["running"]

    def since(self, event_id: str) -> list[Shown] | None:
        """The events after that one, None if some are no longer known here."""
        epoch, _, digits = event_id.partition("-")
        if epoch != self.epoch or not (digits.isascii() and digits.isdigit() and len(digits) < 16):
            return None
        after = int(digits)
        if after < self.dropped or after > self.number:
            return None
        return [e for e in self.events if e.number > after]


class Hub:
    def __init__(self) -> None:
        self._logs: OrderedDict[str, Log] = OrderedDict()
        self._watching = 0
        self._closed = False

    def log(self, place: str) -> Log:
        log = self._logs.get(place)
        if log is None:
            log = self._logs[place] = Log()
            self._forget_quiet()
        self._logs.move_to_end(place)
        return log

    def _forget_quiet(self) -> None:
        for place in list(self._logs)[: max(0, len(self._logs) - PLACES)]:
            log = self._logs[place]
            if not (log.watchers or log.live or log.duet):
                del self._logs[place]

    def publish(self, place: str, name: str, data: dict[str, Any]) -> None:
        """Shows an event to all who watch the place. Never waits."""
        log = self.log(place)
        event = log.add(name, data)
        for watcher in list(log.watchers):
            if watcher.queue.qsize() >= QUEUE:
                watcher.lost = True
                self._end(watcher)
            else:
                watcher.queue.put_nowait(event)

    def watch(self, place: str, after: str) -> Watcher:
        """A watcher that gets every event after that id (empty: from now on). Raises Busy."""
        if self._watching >= WATCHERS:
            raise Busy("too many pages are open", retry_after=10, mend="close some of them")
        log = self.log(place)
        watcher = Watcher(place)
        missed = log.since(after) if after else []
        self._watching += 1
        log.watchers.add(watcher)
        if self._closed:
            self._end(watcher)
        elif missed is None or len(missed) > QUEUE:
            watcher.lost = True
            self._end(watcher)
        else:
            for event in missed:
                watcher.queue.put_nowait(event)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._end(watcher)

    def _end(self, watcher: Watcher) -> None:
        log = self._logs.get(watcher.place)
        if log is None or watcher not in log.watchers:
            return
        log.watchers.discard(watcher)
        self._watching -= 1
        if watcher.lost:
            while not watcher.queue.empty():
                watcher.queue.get_nowait()
        watcher.queue.put_nowait(None)

    def forget(self) -> None:
        """Somebody was forgotten: no log may still hold their words."""
        for log in self._logs.values():
            log.renew()

    def close(self) -> None:
        """Ends every stream, and every one begun later."""
        self._closed = True
        for log in self._logs.values():
            for watcher in list(log.watchers):
                self._end(watcher)
