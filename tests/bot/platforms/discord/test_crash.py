"""What stands on Discord is found again after a crash."""

import asyncio

import pytest

from agent.errors import JournalError, PlatformError
from bot.events import Outgoing
from bot.settings import DiscordSettings
from tests.bot.platforms.discord.conftest import Town
from tests.bot.platforms.discord.house import Notes, Recorder, outgoing, place, running
from tests.fakes.discord.world import Json

BOTH = pytest.mark.parametrize("webhooks", [True, False])


async def _crash(town: Town, notes: Notes, settings: DiscordSettings, turn: Outgoing) -> None:
    """The bot dies between a post and its answer."""
    d, first = town.discord, Recorder()
    hit = asyncio.Event()

    async def stop(message: Json) -> None:
        hit.set()
        await asyncio.sleep(60)

    async with running(d, first, memory=notes, settings=settings) as platform:
        d.on_posted = stop
        delivery = await platform.open(turn)
        await delivery.update("Half a")
        await asyncio.wait_for(hit.wait(), 60)
    d.on_posted = None
    assert first.posts == []


@BOTH
async def test_a_post_whose_answer_was_lost_is_found_and_gone_on_with(
    town: Town, inbox: Recorder, webhooks: bool
) -> None:
    d, notes = town.discord, Notes()
    settings = DiscordSettings(webhooks=webhooks, edits_per_second=5)
    asked = await d.say(town.john, town.channel, "Well?")
    async with running(d, inbox, memory=notes, settings=settings):  # an earlier turn, which the journal knows
        await inbox.speak(outgoing(place(town.channel), turn_id="turn-0", after=asked["id"]), ["Earlier."])
    known = {identity for _, identity in inbox.posts}
    turn = outgoing(place(town.channel), after=asked["id"])
    await _crash(town, notes, settings, turn)

    async def journal_knows(identity: str) -> bool:
        return identity in known

    async with running(d, inbox, memory=notes, settings=settings, known=journal_knows) as platform:
        found = await platform.find(turn)
        standing = d.messages(town.channel)[-1]
        assert found == [standing.id]
        assert standing.content.endswith("Half a")
        nobody = outgoing(place(town.channel), "ada-lovelace", "turn-9", asked["id"])
        assert await platform.find(nobody) == []
        again = outgoing(place(town.channel), after=asked["id"], posted=tuple(found))
        await inbox.speak(again, ["Half a", "Half a loaf is better."])
    seen = d.messages(town.channel)[1:]
    assert [m.content.removeprefix("**Sherlock Holmes:** ") for m in seen] == [
        "Earlier.",
        "Half a loaf is better.",
    ]
    assert inbox.finished["turn-1"] == (standing.id,)


@BOTH
async def test_what_was_never_posted_is_not_found(town: Town, inbox: Recorder, webhooks: bool) -> None:
    d = town.discord
    asked = await d.say(town.john, town.channel, "Well?")
    settings = DiscordSettings(webhooks=webhooks)
    async with running(d, inbox, settings=settings) as platform:
        assert await platform.find(outgoing(place(town.channel), after=asked["id"])) == []
        d.deny(town.channel, "read_message_history")
        assert await platform.find(outgoing(place(town.channel), after=asked["id"])) is None


async def test_the_same_nonce_stands_once_with_the_new_words(town: Town, inbox: Recorder) -> None:
    d, notes, settings = town.discord, Notes(), DiscordSettings(webhooks=False, edits_per_second=5)
    turn = outgoing(place(town.channel))
    await _crash(town, notes, settings, turn)
    async with running(d, inbox, memory=notes, settings=settings):
        await inbox.speak(turn, ["Other words altogether."])
    assert [m.content for m in d.messages(town.channel)] == ["**Sherlock Holmes:** Other words altogether."]


async def test_a_message_deleted_while_it_is_written_is_posted_anew(town: Town, inbox: Recorder) -> None:
    d = town.discord
    settings = DiscordSettings(webhooks=False, edits_per_second=5)
    async with running(d, inbox, settings=settings) as platform:
        delivery = await platform.open(outgoing(place(town.channel)))
        await delivery.update("Half a")
        (first,) = await d.until(town.channel, lambda seen: len(seen) == 1)
        await d.delete(town.channel, first.id)
        (last,) = await delivery.finish("Half a loaf.")
    assert last != first.id
    assert [m.content for m in d.messages(town.channel)] == ["**Sherlock Holmes:** Half a loaf."]


async def test_an_empty_reply_is_refused(town: Town, inbox: Recorder) -> None:
    async with running(town.discord, inbox):
        with pytest.raises(PlatformError, match="empty"):
            await inbox.speak(outgoing(place(town.channel)), ["  "])


async def test_a_post_is_not_made_again_because_the_journal_could_not_be_told(
    town: Town, inbox: Recorder
) -> None:
    d = town.discord

    class Forgetful(Recorder):
        async def __call__(self, turn_id: str, message_id: str) -> None:
            if not self.posts:
                self.posts.append((turn_id, message_id))
                raise JournalError("the disk is full")

    forgetful = Forgetful()
    async with running(d, forgetful):
        ids = await forgetful.speak(outgoing(place(town.channel)), ["Half a", "Half a loaf."])
    assert [(m.id, m.content) for m in d.messages(town.channel)] == [(ids[0], "Half a loaf.")]


async def test_a_turn_is_found_though_people_went_on_talking(town: Town, inbox: Recorder) -> None:
    d, notes = town.discord, Notes()
    asked = await d.say(town.john, town.channel, "Well?")
    async with running(d, inbox, memory=notes):
        turn = outgoing(place(town.channel), after=asked["id"])
        ids = await inbox.speak(turn, ["Well."])
    for number in range(130):
        d.world.message(town.channel, town.john, f"chatter {number}")
    async with running(d, Recorder(), memory=notes) as platform:
        assert await platform.find(turn) == list(ids)
