"""Where Discord says no for good, or tells less than it might: people are told, and channels stay apart."""

from copy import deepcopy

import pytest

from bot.platforms.discord.commands import MENU
from tests.fakes.stage import ScriptedBackend, drawn
from tests.whole.theatre import ADA, Theatre


@pytest.mark.parametrize(("path", "method"), [("/messages/", "PATCH"), (r"/webhooks/\d+/[^/]+$", "POST")])
async def test_a_reply_that_is_refused_for_good_is_taken_back_and_told(
    on: Theatre, backend: ScriptedBackend, path: str, method: str
) -> None:
    backend.pause = 0.1
    on.d.fault(method, path, "status", status=400, code=200_000, times=9)
    await on.say("What do you make of this hat?")
    _, answer = await on.answered()
    assert answer.state == "failed"
    shown = [m.content for m in on.d.messages(on.channel)]
    assert len(shown) == 3, "the greeting, the question, and why nobody answers"
    assert "cannot answer now: Discord refused" in shown[2]
    on.d.faults.waiting.clear()
    await on.say("And now?")
    assert (await on.answered(2))[-1].state == "delivered"


async def test_a_channel_is_itself_where_an_interaction_tells_only_its_id(on: Theatre) -> None:
    on.d.interactions.with_channel = False
    other = on.d.channel(on.guild, "other")
    assert "Li Bai joins" in await on.do("character add", character="li-bai")
    here, there = [(await on.do("character list", channel=c)).split("Can be")[0] for c in (on.channel, other)]
    assert "Li Bai" in here
    assert "Li Bai" not in there


async def test_an_address_that_died_is_read_again_from_its_message(on: Theatre) -> None:
    """As when the bot was away for longer than an address is good."""
    world = on.d.world
    original = world.message(
        on.channel, on.john, "", attachments=[world.attach(on.channel, "b.png", drawn(2))]
    )
    reference = {"type": 0, "message_id": original["id"], "channel_id": on.channel["id"]}
    said = world.message(
        on.channel,
        on.john,
        "look",
        type=19,
        attachments=[world.attach(on.channel, "a.png", drawn(1))],
        message_reference=reference,
        referenced_message=original,
    )
    told = deepcopy(on.d.rest.placed(on.channel, said))
    for message in (said, original):
        world.expire(message)
    await on.d.gateway.emit("MESSAGE_CREATE", told, channel=on.channel)
    heard, _ = await on.answered()
    assert len(heard.pictures) == 2
    world.expire(said)
    told = {**deepcopy(told), "id": world.snowflake(), "type": 0}  # and this one is gone altogether
    await on.d.gateway.emit("MESSAGE_CREATE", told, channel=on.channel)
    await on.answered(2)
    assert any(
        "a.png could not be taken in: the server answered 404" in m.content for m in on.d.messages(on.channel)
    )


async def test_where_the_bot_may_not_write_commands_say_so(on: Theatre) -> None:
    on.d.deny(on.channel, "send_messages")
    assert "may not write here" in await on.do("talk", character=ADA, words="Hello")
    assert "may not write here" in await on.do("character add", character=ADA)
    told = await on.do("character list")
    assert "answers every message" in told
    assert "may not write here" in told
    assert "may not write here" in await on.do("why")
    assert "may not write here" in await on.do("new")
    assert "may not write" not in await on.do("privacy")


async def test_the_context_menu_says_so_before_a_form_is_filled_in(on: Theatre) -> None:
    said = await on.say("mine", files=[drawn(6)])
    on.d.deny(on.channel, "send_messages")
    asked = await on.d.message_menu(on.john, on.channel, MENU, said)
    assert "may not write here" in (await asked.says()).content
