"""The connection: first connects that fail, resumes, reconnects, invalid sessions, intents."""

import asyncio

import pytest

from agent.errors import PlatformError
from bot.events import Incoming
from bot.platforms.base import Platform
from tests.bot.platforms.discord.conftest import Town
from tests.bot.platforms.discord.house import Recorder, build, outgoing, place, running
from tests.fakes.discord import LoopbackDiscord


async def test_a_failed_first_connect_is_retried(town: Town, inbox: Recorder) -> None:
    town.discord.gateway.refuse_first_connects(1)
    town.discord.fault("GET", "/users/@me$", "drop-before")
    async with running(town.discord, inbox):
        await town.discord.say(town.john, town.channel, "at last")
        await inbox.until(lambda r: r.heard())
    assert town.discord.gateway.identified == 1


async def test_what_comes_before_the_account_is_ready_waits_for_it(town: Town, inbox: Recorder) -> None:
    d = town.discord

    async def early() -> None:
        await asyncio.wait_for(d.gateway.changed.wait(), 60)
        await d.say(town.john, town.channel, f"<@{d.bot.id}> are you there?")

    inbox.script = lambda event: [("sherlock-holmes", ["I am."])]
    saying = asyncio.create_task(early())
    async with running(d, inbox, ready_timeout=0.3):
        await saying
        await d.until(town.channel, lambda seen: seen[-1].content == "I am.")
    assert inbox.heard()[0].mentions_bot
    assert inbox.failed == []


@pytest.mark.parametrize("how", ["reconnect", "invalid-resumable", "drop"])
async def test_a_resumed_session_loses_and_doubles_nothing(town: Town, inbox: Recorder, how: str) -> None:
    d = town.discord
    async with running(d, inbox):
        await d.say(town.john, town.channel, "before")
        if how == "reconnect":
            await d.gateway.reconnect()
        elif how == "invalid-resumable":
            await d.gateway.invalid_session(resumable=True)
        else:
            d.gateway.drop()
        await d.say(town.john, town.channel, "meanwhile")
        await inbox.until(lambda r: len(r.heard()) == 2)
        await d.say(town.john, town.channel, "after")
        await inbox.until(lambda r: len(r.heard()) == 3)
    assert [e.text for e in inbox.heard()] == ["before", "meanwhile", "after"]
    assert (d.gateway.resumed, d.gateway.identified, inbox.joins, inbox.repeats) == (1, 1, 1, 0)


async def test_after_an_invalid_session_the_gap_is_told_and_can_be_filled(
    town: Town, inbox: Recorder
) -> None:
    d = town.discord
    async with running(d, inbox) as platform:
        before = await d.say(town.john, town.channel, "before")
        await inbox.until(lambda r: r.heard())
        await d.gateway.invalid_session(resumable=False)
        await d.say(town.john, town.channel, "unheard")
        await inbox.until(lambda r: r.joins == 2)
        missed = [e.text async for e in platform.history(place(town.channel), before["id"])]
        await d.say(town.john, town.channel, "after")
        await inbox.until(lambda r: r.heard()[-1].text == "after")
    assert missed == ["unheard"]
    assert d.gateway.identified == 2


@pytest.mark.parametrize("first", [True, False])
async def test_what_comes_while_the_gap_is_read_waits_its_turn(town: Town, first: bool) -> None:
    """Else the journal's mark of what it knows would pass over what was missed."""
    d = town.discord

    class Slow(Recorder):
        async def joined(self, platform: Platform) -> None:
            if first or self.joins:
                await d.say(town.john, town.channel, "just now")
                await asyncio.sleep(0.2)
                early.extend(self.heard())
            await super().joined(platform)

    early: list[Incoming] = []
    inbox = Slow()
    async with running(d, inbox):
        if not first:
            await d.gateway.invalid_session(resumable=False)
        await inbox.until(lambda r: r.joins == 2 - first and r.heard())
    assert early == []
    assert [e.text for e in inbox.heard()] == ["just now"]


async def test_a_repeated_event_has_the_same_id(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox):
        await d.say(town.john, town.channel, "once")
        await d.gateway.repeat("MESSAGE_CREATE")
        await inbox.until(lambda r: r.repeats == 1)
    assert len(inbox.heard()) == 1


async def test_without_the_content_intent_mentions_and_replies_still_work(
    inbox: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    async with LoopbackDiscord(content_intent=False) as d:
        guild = d.guild()
        channel, john = d.channel(guild), d.user("John")
        async with running(d, inbox):
            await d.say(john, channel, "nobody in particular")
            await d.say(john, channel, f"<@{d.bot.id}> hello")
            await d.say(john, d.dm(john), "psst")
            await inbox.until(lambda r: len(r.heard()) == 2)
    assert sorted(e.text for e in inbox.heard()) == ["hello", "psst"]
    assert "Message Content intent" in caplog.text


async def test_a_bad_token_ends_it_with_what_to_mend(town: Town, inbox: Recorder) -> None:
    platform = build(town.discord, inbox, token="wrong")
    with pytest.raises(PlatformError, match="does not accept the token") as caught:
        await platform.run(inbox, inbox)
    assert "main account" in caught.value.where


async def test_nothing_can_be_opened_while_not_connected(town: Town, inbox: Recorder) -> None:
    platform = build(town.discord, inbox)
    with pytest.raises(PlatformError, match="not connected"):
        await platform.open(outgoing(place(town.channel)))
    assert await platform.find(outgoing(place(town.channel))) is None
    with pytest.raises(PlatformError, match="token"):
        build(town.discord, inbox, token="")


async def test_through_a_proxy(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox, connector_factory=d.tls_connector, proxy=d.proxy_url):
        await d.say(town.john, town.channel, "through the tunnel")
        await inbox.until(lambda r: r.heard())
        await inbox.speak(outgoing(place(town.channel)), ["I hear you."])
    assert d.messages(town.channel)[-1].webhook
