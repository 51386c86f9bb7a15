"""REST that fails: nothing is lost, nothing stands twice."""

from dataclasses import replace
from types import SimpleNamespace

import discord
import pytest

from agent.errors import PlatformError, PlatformRefused
from bot.platforms.discord.permissions import refusal
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


@pytest.mark.parametrize("code", [200_000, 240_000, 160_005, 50_083])
async def test_what_is_refused_for_good_is_told_apart(town: Town, inbox: Recorder, code: int) -> None:
    d = town.discord
    async with running(d, inbox):
        d.fault("PATCH", "/messages/", "status", status=400, code=code, times=9)
        with pytest.raises(PlatformRefused) as caught:
            await inbox.speak(outgoing(place(town.channel)), ["First", "First and last."])
    assert caught.value.mend
    assert caught.value.where == "#general"


async def test_a_token_that_is_refused_settles_nothing() -> None:
    no = refusal(_http_error(401), None, "post a reply")
    assert not isinstance(no, PlatformRefused)
    assert isinstance(refusal(_http_error(400), None, "post a reply"), PlatformRefused)


def _http_error(status: int) -> discord.HTTPException:
    answer = SimpleNamespace(status=status, reason="no")
    return discord.HTTPException(answer, {"code": 0, "message": "no"})  # type: ignore[arg-type]


async def test_without_the_history_a_reply_stands_without_its_reference(town: Town, inbox: Recorder) -> None:
    d = town.discord
    d.deny(town.channel, "manage_webhooks", "read_message_history")
    asked = await d.say(town.john, town.channel, "Hello?")
    async with running(d, inbox):
        await inbox.speak(outgoing(place(town.channel), after=asked["id"]), ["He", "Hello."])
    answers = [m for m in d.world.messages[town.channel["id"]].values() if "Hello." in m["content"]]
    assert [m.get("message_reference") for m in answers] == [None]


async def test_where_the_bot_may_not_write_its_characters_do_not_either(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox):  # the webhook is there from better days
        await inbox.speak(outgoing(place(town.channel)), ["Hello."])
    d.deny(town.channel, "send_messages")
    async with running(d, inbox):
        with pytest.raises(PlatformRefused, match="does not let me"):
            await inbox.speak(outgoing(place(town.channel), turn_id="turn-2"), ["Hello again."])
    assert [m.content for m in d.messages(town.channel)] == ["Hello."]


async def test_a_name_with_unseen_characters_is_found_again(town: Town, inbox: Recorder) -> None:
    """The answer to a post is lost: what stands already is found under the name as Discord shows it."""
    d = town.discord
    turn = replace(outgoing(place(town.channel)), character_name="Sher\u200block")
    async with running(d, inbox):
        d.fault("POST", POSTS["webhook"], "drop-after")
        await inbox.speak(turn, ["Hello."])
    (reply,) = d.messages(town.channel)
    assert reply.author == "Sherlock"


async def test_a_face_that_is_refused_is_not_sent_again_and_again(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox):
        fault = d.fault("POST", "/emojis", "status", status=400, times=9)
        for turn in ("turn-1", "turn-2", "turn-3"):
            await inbox.speak(outgoing(place(town.channel), turn_id=turn), ["Hello."])
    assert fault.struck == 1
    assert len(d.messages(town.channel)) == 3


async def test_a_channel_full_of_others_webhooks_is_told_once_and_rightly(
    town: Town, inbox: Recorder
) -> None:
    d, notes = town.discord, Notes()
    d.foreign_webhooks(town.channel, 15)
    for turn in ("turn-1", "turn-2"):
        async with running(d, inbox, memory=notes):
            for part in "ab":
                await inbox.speak(outgoing(place(town.channel), turn_id=turn + part), ["Hello."])
    hint, *replies = [m.content for m in d.messages(town.channel)]
    assert "as many webhooks as Discord allows" in hint
    assert "Manage Webhooks" not in hint
    assert replies == ["**Sherlock Holmes:** Hello."] * 4
    assert sum(m == "POST" and p.endswith("/webhooks") for m, p in d.faults.requests) == 2, (
        "once a connection"
    )
    d.world.webhooks.clear()
    async with running(d, inbox, memory=notes):
        await inbox.speak(outgoing(place(town.channel), turn_id="turn-3"), ["Hello again."])
    assert d.messages(town.channel)[-1].webhook


@pytest.mark.parametrize("status", [400, 503])
async def test_a_hint_that_is_refused_is_not_taken_for_said(town: Town, inbox: Recorder, status: int) -> None:
    """What is refused for good is tried once a connection, what passes until it stands."""
    d, notes = town.discord, Notes()
    d.deny(town.channel, "manage_webhooks")
    for turn in ("turn-1", "turn-2"):
        async with running(d, inbox, memory=notes):
            await d.say(town.john, town.channel, "Hello?")
            if turn == "turn-1":
                hints = d.fault("POST", POSTS["account"], "status", status=status, code=200_000, times=1)
            await inbox.speak(outgoing(place(town.channel), turn_id=turn), ["Hello."])
    said = [m.content for m in d.messages(town.channel)]
    assert hints.struck == 1
    assert sum("Manage Webhooks" in words for words in said) == 1
    assert said.count("**Sherlock Holmes:** Hello.") == 2
