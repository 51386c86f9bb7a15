"""People who speak through an application's webhook are heard once, under the name they chose; no other webhook is."""

from typing import Any

from bot.events import Deleted, Incoming
from bot.settings import DiscordSettings
from tests.bot.platforms.discord.conftest import Town
from tests.bot.platforms.discord.house import Notes, Recorder, outgoing, place, png, running

PLURALKIT = "466378653216014359"
PATIENT = DiscordSettings(edits_per_second=5, proxy_seconds=60)  # ended by a deletion, or the test never is
BRIEF = DiscordSettings(edits_per_second=5, proxy_seconds=0.05)


async def proxied(town: Town, original: str, text: str, **more: Any) -> tuple[str, str]:
    """What a proxy does: (id of the original, that of what stands in its place)."""
    d = town.discord
    said = await d.say(town.john, town.channel, original, **more)
    stands = await d.say_through_webhook(town.channel, "Mia | Trees", text, application=PLURALKIT)
    await d.delete(town.channel, said["id"])
    return said["id"], stands["id"]


def texts(inbox: Recorder) -> list[str]:
    return [e.text for e in inbox.heard()]


async def test_the_proxied_message_is_taken_in_place_of_the_original(town: Town, inbox: Recorder) -> None:
    d, notes = town.discord, Notes()
    async with running(d, inbox, memory=notes, settings=BRIEF):  # nobody knows yet: one is heard
        await d.say_through_webhook(town.channel, "Mia | Trees", "First", application=PLURALKIT)
        await inbox.until(lambda r: r.heard())
    async with running(d, inbox, memory=notes, settings=PATIENT):  # remembered across a restart
        _, stands = await proxied(town, "m: Second", "Second")
        await inbox.until(lambda r: len(r.heard()) == 2)
        _, before = await proxied(town, "m: Third", "Third")
        await inbox.until(lambda r: len(r.heard()) == 3)
    assert texts(inbox) == ["First", "Second", "Third"]
    assert [e.id for e in inbox.heard()[1:]] == [stands, before]
    author = inbox.heard()[1].author
    assert (author.name, author.id, author.manager) == (
        "Mia | Trees",
        f"{town.guild['id']}/mia | trees",
        False,
    )


async def test_what_a_webhook_cannot_say_is_taken_from_the_original(town: Town, inbox: Recorder) -> None:
    d, notes = town.discord, Notes()
    notes.kept[f"discord:proxied:{town.guild['id']}"] = "yes"
    async with running(d, inbox, memory=notes, settings=PATIENT):
        await inbox.speak(outgoing(place(town.channel)), ["You see."])
        (reply,) = d.messages(town.channel)
        old = d.world.message(town.channel, town.john, "", attachments=[_old(town)])
        await proxied(town, "m: Do I?", "Do I?", reply_to=reply.id)
        await proxied(town, f"m: <@{d.bot.id}> and this", "and this", reply_to=old["id"])
        await inbox.until(lambda r: len(r.heard()) == 2)
    first, second = inbox.heard()
    assert (first.text, first.reply_to, first.mentions_bot) == ("Do I?", reply.id, False)
    assert second.mentions_bot
    assert [a.filename for a in second.quoted] == ["old.png"]


def _old(town: Town) -> dict[str, Any]:
    return town.discord.world.attach(town.channel, "old.png", png())


async def test_an_unproxied_message_is_heard_after_the_wait_and_in_order(town: Town, inbox: Recorder) -> None:
    d, notes = town.discord, Notes()
    notes.kept[f"discord:proxied:{town.guild['id']}"] = "yes"
    async with running(d, inbox, memory=notes, settings=BRIEF):
        said = [await d.say(town.john, town.channel, text) for text in ("one", "two", "three")]
        await inbox.until(lambda r: len(r.heard()) == 3)
        await d.delete(town.channel, said[0]["id"])
        await inbox.until(lambda r: len(r.events) == 4)
    assert texts(inbox) == ["one", "two", "three"]
    assert isinstance(inbox.events[-1], Deleted)


async def test_where_nobody_speaks_through_a_proxy_nobody_waits(town: Town, inbox: Recorder) -> None:
    async with running(town.discord, inbox, settings=PATIENT):
        await town.discord.say(town.john, town.channel, "Hello")
        await inbox.until(lambda r: r.heard())
        private = town.discord.dm(town.john)
        await town.discord.say(town.john, private, "Hello there")
        await inbox.until(lambda r: len(r.heard()) == 2)


async def test_all_other_webhooks_stay_unheard(town: Town, inbox: Recorder) -> None:
    """Also our own, were it on the list; a bridge; and what the proxy's own bot says in answer to a command."""
    d = town.discord
    settings = BRIEF.model_copy(update={"proxies": (int(PLURALKIT), int(d.bot.id))})
    async with running(d, inbox, settings=settings):
        await inbox.speak(outgoing(place(town.channel)), ["I am no person."])
        for application in (None, d.bot.id, "4242"):
            await d.say_through_webhook(town.channel, "Bridge", "beep", application=application)
        await d.say_through_webhook(
            town.channel, "PluralKit", "System card", application=PLURALKIT, webhook_id=PLURALKIT
        )
        await d.say(town.john, town.channel, "the last word")
        await inbox.until(lambda r: "the last word" in texts(r))
    assert texts(inbox) == ["the last word"]
    none = Recorder()
    async with running(d, none, settings=BRIEF.model_copy(update={"proxies": ()})):
        await d.say_through_webhook(town.channel, "Mia", "hello?", application=PLURALKIT)
        await d.say(town.john, town.channel, "the very last word")
        await none.until(lambda r: r.heard())
    assert texts(none) == ["the very last word"]


async def test_what_was_said_by_proxy_is_edited_and_found_in_the_history(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox, settings=BRIEF) as platform:
        said = await d.say_through_webhook(town.channel, "Mia", "helo", application=PLURALKIT)
        await d.edit(town.channel, said, "hello")
        await inbox.until(lambda r: len(r.events) == 2)
        found = [e async for e in platform.history(place(town.channel), "1")]
    assert not isinstance(inbox.events[1], Incoming)
    assert [(e.text, e.author.name) for e in found] == [("hello", "Mia")]
