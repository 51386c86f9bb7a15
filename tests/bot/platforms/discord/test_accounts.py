"""Several bot accounts in one process."""

import pytest

from agent.errors import PlatformError
from bot.events import Incoming
from tests.bot.platforms.discord.conftest import Town
from tests.bot.platforms.discord.house import Recorder, build, outgoing, place, png, running

ACCOUNTS = {"sherlock-holmes": "holmes-token", "ada-lovelace": "ada-token"}


def join(town: Town) -> tuple[str, str]:
    """The user ids of the two characters' accounts."""
    holmes = town.discord.account("Sherlock Holmes", "holmes-token")
    ada = town.discord.account("Ada Lovelace", "ada-token")
    return holmes.id, ada.id


async def test_two_accounts_converse_without_hearing_themselves(town: Town, inbox: Recorder) -> None:
    d = town.discord
    holmes, ada = join(town)

    def plan(event: Incoming) -> list[tuple[str, list[str]]]:
        return [("sherlock-holmes", ["I", "I see."]), ("ada-lovelace", ["I", "I compute."])]

    inbox.script = plan
    async with running(d, inbox, accounts=ACCOUNTS):
        said = await d.say(town.john, town.channel, f"<@{holmes}> look", files=[png()])
        await d.until(town.channel, lambda seen: [m.content for m in seen[1:]] == ["I see.", "I compute."])
        await d.say(town.john, town.channel, "thank you")
        await inbox.until(lambda r: len(r.heard()) == 2)
    first, second = inbox.heard()
    assert (first.id, first.addressed, first.text) == (
        said["id"],
        ("sherlock-holmes",),
        "@Sherlock Holmes look",
    )
    assert second.addressed == ()
    assert inbox.repeats == 0
    replies = d.messages(town.channel)[1:3]
    assert [m.author_id for m in replies] == [holmes, ada]
    assert not any(m.webhook for m in replies)
    assert replies[0].reply_to == said["id"]


async def test_a_direct_message_to_a_characters_account_is_for_that_character(
    town: Town, inbox: Recorder
) -> None:
    d = town.discord
    join(town)
    inbox.script = lambda event: [("ada-lovelace", ["Good day."])]
    async with running(d, inbox, accounts=ACCOUNTS):
        ada = d.world.bots["ada-token"]
        dm = d.dm(town.john, ada)
        await d.say(town.john, dm, "Good day")
        await d.until(dm, lambda seen: len(seen) == 2)
    assert inbox.heard()[0].addressed == ("ada-lovelace",)
    assert d.messages(dm)[-1].author_id == ada.id
    assert d.messages(dm)[-1].content == "Good day."


async def test_without_a_main_token_the_first_account_does_its_work(town: Town, inbox: Recorder) -> None:
    d = town.discord
    holmes, _ = join(town)
    async with running(d, inbox, token="", accounts=ACCOUNTS):
        await d.say(town.john, town.channel, "anybody?")
        await inbox.until(lambda r: r.heard())
        await inbox.speak(outgoing(place(town.channel)), ["Here."])
        await inbox.speak(outgoing(place(town.channel), "clyde", "turn-2"), ["Me too."])
    assert inbox.repeats == 0
    own, hooked = d.messages(town.channel)[1:]
    assert (own.author_id, own.webhook) == (holmes, False)
    assert (hooked.author, hooked.webhook) == ("Cly-de of Dis-cord", True)


async def test_an_account_that_may_not_speak_is_stood_in_for_by_the_webhook(
    town: Town, inbox: Recorder
) -> None:
    d = town.discord
    join(town)
    d.deny(town.channel, "send_messages", bot=d.world.bots["holmes-token"])
    async with running(d, inbox, accounts=ACCOUNTS):
        await inbox.speak(outgoing(place(town.channel)), ["Here."])
    (reply,) = d.messages(town.channel)
    assert (reply.author, reply.webhook) == ("Sherlock Holmes", True)


async def test_an_unknown_token_is_named(town: Town, inbox: Recorder) -> None:
    platform = build(town.discord, inbox, accounts={"ada-lovelace": "never-heard-of"})
    with pytest.raises(PlatformError, match="does not accept the token") as caught:
        await platform.run(inbox, inbox)
    assert "ada-lovelace" in caught.value.where
    assert "developers/applications" in caught.value.mend
