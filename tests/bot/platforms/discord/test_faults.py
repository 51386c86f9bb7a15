"""REST that fails: nothing is lost, nothing stands twice."""

import pytest

from agent.errors import PlatformError
from bot.settings import DiscordSettings
from tests.bot.platforms.discord.conftest import Town
from tests.bot.platforms.discord.house import Notes, Recorder, outgoing, place, running
from tests.fakes.discord.faults import Kind

POSTS = {"webhook": r"/webhooks/\d+/[^/]+$", "account": r"/channels/\d+/messages$"}


@pytest.mark.parametrize("voice", ["webhook", "account"])
@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("status", 503),
        ("status-after", 502),
        ("status-after", 503),
        ("drop-before", 0),
        ("drop-after", 0),
        ("limit", 429),
        ("global-limit", 429),
    ],
)
async def test_a_post_that_fails_stands_once(
    town: Town, inbox: Recorder, voice: str, kind: Kind, status: int
) -> None:
    d = town.discord
    settings = DiscordSettings(webhooks=voice == "webhook", edits_per_second=5)
    async with running(d, inbox, settings=settings):
        fault = d.fault("POST", POSTS[voice], kind, status=status)
        await inbox.speak(outgoing(place(town.channel)), ["First", "First and last."])
    assert fault.struck == 1
    (reply,) = d.messages(town.channel)
    assert reply.content.endswith("First and last.")
    assert inbox.posts == [("turn-1", reply.id)]
    assert inbox.finished["turn-1"] == (reply.id,)


@pytest.mark.parametrize("kind", ["status", "drop-before", "drop-after", "limit"])
async def test_an_edit_that_fails_is_made_again(town: Town, inbox: Recorder, kind: Kind) -> None:
    d = town.discord
    async with running(d, inbox):
        fault = d.fault("PATCH", "/messages/", kind, status=503, times=2)
        await inbox.speak(outgoing(place(town.channel)), ["First", "Second", "Third."])
    assert fault.struck >= 1
    assert [m.content for m in d.messages(town.channel)] == ["Third."]


async def test_what_never_works_is_said(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox):
        d.fault("POST", POSTS["webhook"], "status", status=503, times=99)
        with pytest.raises(PlatformError, match="did not take it"):
            await inbox.speak(outgoing(place(town.channel)), ["Hello."])
    assert d.messages(town.channel) == []


async def test_a_lost_post_that_cannot_be_looked_for_is_handed_back(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox):
        d.deny(town.channel, "read_message_history")
        d.fault("POST", POSTS["webhook"], "drop-after")
        with pytest.raises(PlatformError, match="cannot be told"):
            await inbox.speak(outgoing(place(town.channel)), ["Hello."])
        assert await inbox.platform.find(outgoing(place(town.channel))) is None  # type: ignore[union-attr]
    assert len(d.messages(town.channel)) == 1


async def test_a_deleted_webhook_is_made_again_and_one_is_reused(town: Town, inbox: Recorder) -> None:
    d, notes = town.discord, Notes()
    for turn in ("turn-1", "turn-2"):
        async with running(d, inbox, memory=notes):
            await inbox.speak(outgoing(place(town.channel), turn_id=turn), ["Hello."])
    assert len(d.world.webhooks) == 1
    async with running(d, inbox, memory=notes):
        d.world.webhooks.clear()
        await inbox.speak(outgoing(place(town.channel), turn_id="turn-3"), ["Hello again."])
    async with running(d, inbox, memory=Notes()):  # forgotten, not gone: it is found
        await inbox.speak(outgoing(place(town.channel), turn_id="turn-4"), ["And again."])
    assert len(d.world.webhooks) == 1
    assert [m.content for m in d.messages(town.channel)] == ["Hello.", "Hello.", "Hello again.", "And again."]


async def test_without_manage_webhooks_the_name_stands_in_front_and_a_hint_comes_once(
    town: Town, inbox: Recorder
) -> None:
    d, notes = town.discord, Notes()
    d.deny(town.channel, "manage_webhooks")
    for turn in ("turn-1", "turn-2"):
        async with running(d, inbox, memory=notes):
            await inbox.speak(outgoing(place(town.channel), turn_id=turn), ["He", f"Hello {turn}."])
    hint, *replies = [m.content for m in d.messages(town.channel)]
    assert "Manage Webhooks" in hint
    assert replies == ["**Sherlock Holmes:** Hello turn-1.", "**Sherlock Holmes:** Hello turn-2."]
    d.deny(town.channel)
    async with running(d, inbox, memory=notes):  # the permission is granted at last
        await inbox.speak(outgoing(place(town.channel), turn_id="turn-3"), ["Hello turn-3."])
    assert d.messages(town.channel)[-1].webhook


@pytest.mark.parametrize(
    ("permission", "named"), [("send_messages", "Send Messages"), ("view_channel", "View Channel")]
)
async def test_a_missing_permission_is_named(
    town: Town, inbox: Recorder, permission: str, named: str
) -> None:
    d = town.discord
    d.deny(town.channel, permission, "manage_webhooks")
    async with running(d, inbox):
        with pytest.raises(PlatformError) as caught:
            await inbox.speak(outgoing(place(town.channel)), ["Hello."])
    assert named in caught.value.mend
    assert caught.value.where == "#general"


async def test_faces_that_discord_refuses_cost_nothing_but_the_face(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox):
        d.fault("GET", "/emojis", "status", status=403)
        await inbox.speak(outgoing(place(town.channel)), ["Hello."])
        await inbox.speak(outgoing(place(town.channel), turn_id="turn-2"), ["Hello again."])
    bare, faced = d.messages(town.channel)
    assert bare.avatar == ""
    assert faced.avatar.startswith("https://cdn.discordapp.com/emojis/")
    assert len(d.bot.emojis) == 1
