"""What every Platform keeps to (bot.platforms.base). A platform's tests subclass `PlatformContract` and give
a `rig`: the platform, running, with a person at its other end."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from bot.events import Answer, Command, Event, Incoming, Outgoing, Place
from bot.platforms.base import Platform

HANG = 60.0  # seconds after which something never comes; no measure of speed


@dataclass
class Recorder:
    """An Inbox (and a Posted) that remembers."""

    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    platforms: list[Platform] = field(default_factory=list)
    posted: list[tuple[str, str]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    connected: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self, event: Event) -> None:
        self.events.append(event)
        self.arrived.set()

    async def command(self, command: Command) -> Answer:
        self.commands.append(command)
        return Answer("Done.")

    async def suggest(
        self, place: Place, command: str, argument: str, typed: str
    ) -> Sequence[tuple[str, str]]:
        return ()

    async def joined(self, platform: Platform) -> None:
        self.platforms.append(platform)
        self.connected.set()

    async def __call__(self, turn_id: str, message_id: str) -> None:
        self.posted.append((turn_id, message_id))


@dataclass
class Rig:
    """`seen` tells everything a person sees in the place now, `say` makes the person say something there,
    `task` is the one that runs the platform."""

    platform: Platform
    inbox: Recorder
    place: Place
    task: "asyncio.Task[None]"
    seen: Callable[[], Awaitable[str]]
    say: Callable[[str], Awaitable[None]]


class PlatformContract:
    def turn(self, rig: Rig, id: str = "t1") -> Outgoing:
        return Outgoing(id, rig.place, "sherlock-holmes", "Sherlock Holmes")

    async def test_joins_once_it_can_post(self, rig: Rig) -> None:
        async with asyncio.timeout(HANG):
            await rig.inbox.connected.wait()
        assert rig.inbox.platforms == [rig.platform]

    async def test_name_is_that_of_its_places(self, rig: Rig) -> None:
        assert rig.platform.name == rig.place.platform
        assert rig.platform.limits.message_chars >= 0

    async def test_words_of_a_person_arrive(self, rig: Rig) -> None:
        await rig.say("What do you see?")
        async with asyncio.timeout(HANG):
            await rig.inbox.arrived.wait()
        (message,) = rig.inbox.events
        assert isinstance(message, Incoming)
        assert (message.text, message.place.key) == ("What do you see?", rig.place.key)
        assert message.id
        assert message.author.platform == rig.platform.name

    async def test_a_reply_is_shown_whole_under_its_name(self, rig: Rig) -> None:
        delivery = await rig.platform.open(self.turn(rig))
        for text in ("Dust", "Dust, my", "Dust, my dear"):
            await delivery.update(text)
        ids = await delivery.finish("Dust, my dear Watson.")
        assert ids
        assert len(set(ids)) == len(ids)
        seen = await rig.seen()
        assert "Sherlock Holmes" in seen
        assert "Dust, my dear Watson." in seen

    async def test_the_end_corrects_what_was_streamed(self, rig: Rig) -> None:
        delivery = await rig.platform.open(self.turn(rig))
        await delivery.update("The butler di")
        await delivery.finish("Nobody did it.")
        assert "Nobody did it." in await rig.seen()

    async def test_finish_without_update(self, rig: Rig) -> None:
        delivery = await rig.platform.open(self.turn(rig))
        assert await delivery.finish("Quite so.")
        assert "Quite so." in await rig.seen()

    async def test_abort_says_why(self, rig: Rig) -> None:
        delivery = await rig.platform.open(self.turn(rig))
        await delivery.update("I think")
        await delivery.abort("(The model is away.)")
        assert "(The model is away.)" in await rig.seen()

    async def test_abort_in_silence(self, rig: Rig) -> None:
        delivery = await rig.platform.open(self.turn(rig))
        await delivery.abort("")
        again = await rig.platform.open(self.turn(rig, "t2"))
        await again.finish("I am back.")
        assert "I am back." in await rig.seen()

    async def test_two_replies_at_once_stay_apart(self, rig: Rig) -> None:
        first = await rig.platform.open(self.turn(rig, "t1"))
        second = await rig.platform.open(replace(self.turn(rig, "t2"), character_name="Ada Lovelace"))
        await first.update("Red")
        await second.update("Blue")
        ids = list(await second.finish("Blue is calm."))
        ids += await first.finish("Red is loud.")
        seen = await rig.seen()
        assert "Blue is calm." in seen
        assert "Red is loud." in seen
        assert len(set(ids)) == len(ids)

    async def test_updates_never_wait(self, rig: Rig) -> None:
        delivery = await rig.platform.open(self.turn(rig))
        turned = asyncio.Event()
        asyncio.get_running_loop().call_soon(turned.set)
        for n in range(2_000):
            await delivery.update("word " * (n % 50))
        assert not turned.is_set(), "an update waited: the event loop went on to others meanwhile"
        await delivery.finish("Done.")

    async def test_a_turn_begun_by_another_process_goes_on(self, rig: Rig) -> None:
        posted = await (await rig.platform.open(self.turn(rig))).finish("Half of")
        again = await rig.platform.open(replace(self.turn(rig), posted=tuple(posted)))
        await again.finish("Half of it is all.")
        assert "Half of it is all." in await rig.seen()

    async def test_control_characters_do_no_harm(self, rig: Rig) -> None:
        delivery = await rig.platform.open(self.turn(rig))
        await delivery.update("\x1b]0;owned\x07\x1b[2J")
        await delivery.finish("fine\x1b[31m\x9b31m\u202e words")
        seen = await rig.seen()
        assert "fine" in seen
        assert not any(c in seen for c in "\x1b\x07\x9b")

    async def test_find_tells_or_says_that_it_cannot(self, rig: Rig) -> None:
        found = await rig.platform.find(self.turn(rig, "never-posted"))
        assert found is None or list(found) == []

    async def test_history_ends(self, rig: Rig) -> None:
        async with asyncio.timeout(HANG):
            messages = [m async for m in rig.platform.history(rig.place, "")]
        assert all(isinstance(m, Incoming) for m in messages)

    async def test_a_notice_is_seen(self, rig: Rig) -> None:
        await rig.platform.notice(rig.place, "Too many at once.")
        assert "Too many at once." in await rig.seen()

    async def test_cancelling_ends_it(self, rig: Rig) -> None:
        rig.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.timeout(HANG):
                await rig.task
        assert rig.task.cancelled()
