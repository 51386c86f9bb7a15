"""Discord and the core together, from a picture in a channel to a row in the journal."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from agent.backends.base import Request
from agent.cast import Cast
from agent.cast.write import dump_toml
from bot.platforms.discord.commands import MENU
from journal import channels, duets, feedback
from tests.fakes.discord import LoopbackDiscord
from tests.fakes.discord.faults import Kind
from tests.fakes.stage import ScriptedBackend, drawn
from tests.waiting import eventually
from tests.whole.theatre import ADA, HOLMES, QUICK, ROOT, WORDS, Theatre, theatre


def spoken(t: Theatre, channel: object = None) -> list[tuple[str, str]]:
    """(name, text) of what stands in a channel through webhooks, without the link to what is answered."""
    seen = t.d.messages(channel or t.channel)  # type: ignore[arg-type]
    return [(m.author, m.content.split("\n")[-1]) for m in seen if m.webhook and m.avatar]


def different() -> ScriptedBackend:
    """Another answer each time, so that no duet ends for repeating itself."""
    number = itertools.count(1)
    words = ("amber", "birch", "cedar", "dogwood", "elm", "fir", "gorse", "hazel", "ivy", "juniper")
    return ScriptedBackend(
        lambda _: " ".join(f"{w}{n}" for n in [next(number)] for w in words) + ".", sees=True
    )


async def test_a_picture_is_answered_under_the_characters_name_and_logged(
    on: Theatre, backend: ScriptedBackend
) -> None:
    backend.pause = 0.1
    backend.hold.clear()
    said = await on.say("What do you make of this hat?", files=[drawn(1)])
    await eventually(lambda: on.d.rest.typed)
    backend.hold.set()
    heard, answer = await on.answered()
    reply = on.d.messages(on.channel)[-1]
    assert (reply.author, reply.content, reply.webhook) == ("Sherlock Holmes", WORDS, True)
    assert reply.avatar.startswith("https://cdn.discordapp.com/emojis/")
    assert len(reply.versions) >= 2, "it streamed"
    assert reply.versions[0] != WORDS
    assert WORDS.startswith(reply.versions[0])
    assert not reply.mentions_allowed
    assert (heard.text, heard.state, heard.message_ids) == (
        "What do you make of this hat?",
        "heard",
        (said["id"],),
    )
    assert heard.speaker_id == f"discord:{on.john['id']}"
    assert (answer.state, answer.text, answer.message_ids) == ("delivered", WORDS, (reply.id,))
    assert (answer.speaker_id, answer.reply_to) == (HOLMES, heard.id)
    assert "every message" in answer.rule
    assert answer.made is not None
    assert answer.made.model == "scripted-1"
    (shown,) = backend.requests[-1].messages[1].pictures
    assert heard.pictures == (shown.sha256,)


# Pictures that came another way.


async def test_pictures_of_replies_forwards_and_earlier_turns_are_seen(
    on: Theatre, backend: ScriptedBackend
) -> None:
    def seen() -> list[str]:
        return [p.sha256 for p in backend.requests[-1].messages[1].pictures]

    elsewhere = on.d.channel(on.guild, "attic")  # nobody listens there
    first = await on.say("look", files=[drawn(1), drawn(2)])
    await on.answered(1)
    two = seen()
    assert len(two) == 2
    await on.say("and what else?")
    await on.answered(2)
    assert seen() == two, "of earlier turns"
    await on.do("new")
    await on.say("what was that?", reply_to=first["id"])
    await on.answered(3)
    assert seen() == two, "of the message replied to"
    await on.do("new")
    hidden = await on.d.say(on.john, elsewhere, "found this", files=[drawn(3)])
    await on.say(forwards=hidden)
    rows = await on.answered(4)
    assert len(seen()) == 1
    assert seen()[0] not in two, "of what is forwarded"
    assert "found this" in rows[-2].text
    unheard = on.d.world.message(
        on.channel, on.john, "", attachments=[on.d.world.attach(on.channel, "old.png", drawn(4))]
    )
    await on.do("new")
    await on.say("this one?", reply_to=unheard["id"])
    await on.answered(5)
    assert len(seen()) == 1, "of a message that was never heard"


async def test_a_broken_picture_is_named_and_the_words_are_answered(on: Theatre) -> None:
    await on.say("see", files=[b"\x89PNG\r\n\x1a\nthis is no picture"])
    await on.answered()
    notices = [m.content for m in on.d.messages(on.channel) if not m.webhook]
    assert any("picture-0.png could not be taken in" in n for n in notices)
    assert spoken(on) == [("Sherlock Holmes", WORDS)]


# Commands.


async def test_characters_come_and_go(on: Theatre) -> None:
    offered = await on.d.autocomplete(on.boss, on.channel, "character add", "character", "lovel")
    assert offered[0][1] == ADA
    assert "may do that" in await on.do("character add", by=on.john, character=ADA)
    assert "answers when addressed" in await on.do("character add", character=ADA, talk="mentioned")
    told = await on.do("character list")
    assert "- Ada Lovelace: answers when addressed" in told
    assert "- Sherlock Holmes: answers every message" in told
    assert "Li Bai" in told
    assert "Ada Lovelace" in await on.do("character info", character="Ada Lovelace")
    leaving = await on.d.autocomplete(on.boss, on.channel, "character remove", "character", "")
    assert [i for _, i in leaving] == [HOLMES, ADA]
    assert "leaves" in await on.do("character remove", character=HOLMES)
    await on.say("anybody?")
    await on.say("Ada, are you there?")
    await on.answered()
    assert [name for name, _ in spoken(on)] == ["Ada Lovelace"]
    assert "did you mean" in (await on.do("character add", character="sherlok holms")).lower()


async def test_talk_shows_a_picture_to_one_character(on: Theatre, backend: ScriptedBackend) -> None:
    said = await on.do("talk", by=on.john, character=ADA, words="What is this engine?", picture=drawn(5))
    assert said == "**John** shows a picture to **Ada Lovelace**: What is this engine?"
    heard, answer = await on.answered()
    assert (heard.text, answer.speaker_id) == ("What is this engine?", ADA)
    assert "addressed" in answer.rule
    assert len(backend.requests[-1].messages[1].pictures) == 1
    assert spoken(on) == [("Ada Lovelace", WORDS)]


async def test_the_context_menu_asks_about_a_picture(on: Theatre, backend: ScriptedBackend) -> None:
    attic = on.d.channel(on.guild, "attic")
    said = await on.d.say(on.boss, attic, "mine", files=[drawn(6)])
    modal = await on.d.message_menu(on.john, on.channel, MENU, said)
    await modal.answered.wait()
    await on.d.submit(
        on.john, on.channel, modal, {"Character": "Ada Lovelace", "What do you say?": "What is it?"}
    )
    heard, answer = await on.answered()
    assert (heard.text, len(heard.pictures), answer.speaker_id) == ("What is it?", 1, ADA)
    assert len(backend.requests[-1].messages[1].pictures) == 1


async def test_duet_and_stop(d: LoopbackDiscord, tmp_path: Path) -> None:
    backend = different()
    settings = QUICK + "[bot.duet]\npause_seconds = 0.0\n"
    async with theatre(d, tmp_path, backend, settings=settings) as t:
        told = await t.do("duet", by=t.john, first=HOLMES, second=ADA, turns=4, picture=drawn(7))
        assert "talk about a picture, 4 turns" in told
        rows = await t.answered(4)
        assert [name for name, _ in spoken(t)] == ["Sherlock Holmes", "Ada Lovelace"] * 2
        assert [r.state for r in rows] == ["heard"] + ["delivered"] * 4
        assert len(backend.requests[0].messages[1].pictures) == 1
        async with t.bot.house.journal.read() as tx:
            assert not await duets.running(tx)
        backend.pause = 0.1
        await t.do("duet", first=HOLMES, second=ADA, turns=8, about="rain")
        await eventually(lambda: backend.open)
        assert await t.do("stop") == "The duet is stopped."
        assert backend.open == 0


async def test_new_stop_again_and_why(on: Theatre, backend: ScriptedBackend) -> None:
    assert "No character has answered" in await on.do("why")
    await on.say("the password is swordfish")
    await on.answered(1)
    why = await on.do("why")
    assert "every message" in why
    assert "scripted-1" in why
    backend.say = lambda _: "Quite another thing."
    assert "asked again" in await on.do("again")
    rows = await on.answered(2)
    assert rows[2].alternative_of == rows[1].id
    assert spoken(on)[-1] == ("Sherlock Holmes", "Quite another thing.")
    assert "closed" in await on.do("new")
    await on.say("what is the password?")
    await on.answered(3)
    assert "swordfish" not in backend.requests[-1].messages[1].text
    backend.say, backend.pause = (lambda _: "This is whole. " + "and then " * 200), 0.02
    await on.say("go on")
    await on.d.until(on.channel, lambda seen: "and then" in seen[-1].content)
    assert await on.do("stop") == "Stopped."
    rows = await on.answered(4)
    assert (rows[-1].state, rows[-1].text) == ("delivered", "This is whole.")
    assert spoken(on)[-1] == ("Sherlock Holmes", "This is whole.")
    assert await on.do("stop") == "Nobody is speaking here."


async def test_what_is_ones_own(on: Theatre) -> None:
    await on.say("my name is Rumpelstiltskin", files=[drawn(8)])
    await on.answered()
    assert "may **not** train" in await on.do("privacy", by=on.john)
    assert "express permission" in await on.do("privacy", by=on.john, training="on")
    assert "cannot be undone" in await on.do("forget", by=on.john)
    assert len(await on.logged()) == 2
    assert "Forgotten: " in await on.do("forget", by=on.john, confirm="yes")
    assert not any("Rumpel" in r.text or r.pictures for r in await on.logged())
    assert "/talk" in await on.do("help", by=on.john)
    assert f"client_id={on.d.bot.id}" in await on.do("invite", by=on.john)


# Where, and who.


async def test_age_restricted_characters_stay_in_age_restricted_channels(
    d: LoopbackDiscord, tmp_path: Path, backend: ScriptedBackend
) -> None:
    shipped = Cast.load(ROOT / "characters", tmp_path / "none").characters[HOLMES]
    own = tmp_path / "data" / "characters"
    own.mkdir(parents=True)
    rake = replace(shipped, id="the-rake", name="The Rake", adult=True)
    (own / "the-rake.toml").write_text(dump_toml(rake))
    async with theatre(d, tmp_path, backend, settings=QUICK) as t:
        club = d.channel(t.guild, "club", nsfw=True)
        await d.gateway.emit("CHANNEL_CREATE", club, channel=club)
        assert "age-restricted" in await t.do("character add", character="the-rake")
        assert "age-restricted" in await t.do("talk", by=t.john, character="the-rake", words="hello")
        assert "The Rake" not in await t.do("character list")
        for channel, count in ((t.channel, 0), (club, 1)):
            offered = await d.autocomplete(t.boss, channel, "talk", "character", "rake")
            assert len(offered) == count
        await t.do("character add", channel=club, character="the-rake", talk="always")
        await t.say("good evening", channel=club)
        await t.answered(1, club)
        assert spoken(t, club) == [("The Rake", WORDS)]
        club["nsfw"] = False  # the channel is opened to all
        await d.gateway.emit("CHANNEL_UPDATE", club, channel=club)
        await t.say("still there?", channel=club)
        assert "not available here" in await t.do("character list", channel=club)
        await t.bot.lanes.idle()
        assert len(spoken(t, club)) == 1


async def test_the_allow_list_holds(d: LoopbackDiscord, tmp_path: Path, backend: ScriptedBackend) -> None:
    guild = d.guild()
    here, there = d.channel(guild, "here"), d.channel(guild, "there")
    settings = QUICK + f"allowed_channels = [{here['id']}]\n"
    async with theatre(d, tmp_path, backend, settings=settings, guild=guild, channel=here) as t:
        assert "not set up for this channel" in await t.do("character add", channel=there, character=HOLMES)
        await t.say(f"<@{d.bot.id}> hello", channel=there)
        await t.say(f"<@{d.bot.id}> hello")
        await t.answered()
        assert spoken(t) == [("Sherlock Holmes", WORDS)]
        assert not await t.logged(there)
        assert len(d.messages(there)) == 1


async def test_a_reply_to_a_character_goes_to_that_character(on: Theatre) -> None:
    await on.do("talk", by=on.john, character=ADA, words="good morning")
    await on.answered(1)
    words = next(m for m in on.d.messages(on.channel) if m.author == "Ada Lovelace")
    await on.say("and how is the engine?", reply_to=words.id)
    rows = await on.answered(2)
    assert rows[-1].speaker_id == ADA
    assert "replies to them" in rows[-1].rule


async def test_reactions_edits_and_deletions_are_followed(on: Theatre, backend: ScriptedBackend) -> None:
    asked = await on.say("the cat is blakc")
    _, answer = await on.answered()
    reply = on.d.messages(on.channel)[-1]
    await on.d.react(on.boss, on.channel, reply.id, "👍")
    await on.d.react(on.john, on.channel, reply.id, "👎")
    await on.d.react(on.john, on.channel, reply.id, "👎", removed=True)
    await on.d.edit(on.channel, asked, "the cat is black")

    async def kept() -> list[tuple[str, str]]:
        async with on.bot.house.journal.read() as tx:
            return [(f.person_id, f.value) for f in await feedback.of_turn(tx, answer.id)]

    async def settled() -> bool:
        return (await on.logged())[0].text == "the cat is black" and len(await kept()) == 1

    async def deleted() -> bool:
        return (await on.logged())[0].deleted_at is not None

    await eventually(settled)
    assert await kept() == [(f"discord:{on.boss['id']}", "👍")]
    await on.d.delete(on.channel, asked["id"])
    await eventually(deleted)
    await on.say("go on")
    await on.answered(2)
    assert "black" not in backend.requests[-1].messages[1].text


async def test_two_bot_accounts_converse(d: LoopbackDiscord, tmp_path: Path) -> None:
    guild = d.guild()
    channel = d.channel(guild)
    holmes, ada = d.account("Holmes", "holmes-token"), d.account("Ada", "ada-token")
    tokens = {HOLMES: holmes.token, ADA: ada.token}
    settings = QUICK + "[bot.duet]\npause_seconds = 0.0\n"
    async with theatre(
        d, tmp_path, different(), settings=settings, accounts=tokens, guild=guild, channel=channel
    ) as t:
        await t.do("duet", first=HOLMES, second=ADA, turns=4, picture=drawn(9))
        rows = await t.answered(4)
        said = [m for m in d.messages(channel) if m.author_id in (holmes.id, ada.id)]
        assert [m.author for m in said] == ["Holmes", "Ada", "Holmes", "Ada"]
        assert [m.content for m in said] == [r.text for r in rows[1:]]
        await t.say(f"<@{ada.id}> and you?")
        rows = await t.answered(5)
        assert (rows[-1].speaker_id, rows[-2].text) == (ADA, "@Ada and you?")
        assert d.messages(channel)[-1].author == "Ada"
        assert len(rows) == 7, "two accounts heard it, it is there once"


async def test_threads_are_apart_from_their_channel(on: Theatre, backend: ScriptedBackend) -> None:
    await on.say("a secret: the key is under the mat")
    await on.answered()
    thread = await on.d.start_thread(on.channel, "aside")
    await on.say("nobody listens here", channel=thread)
    await on.do("character add", channel=thread, character=HOLMES, talk="always")
    await on.say("where is the key?", channel=thread)
    rows = await on.answered(1, thread)
    assert [r.text for r in rows] == ["where is the key?", WORDS]
    assert "under the mat" not in backend.requests[-1].messages[1].text
    assert spoken(on, thread) == [("Sherlock Holmes", WORDS)]
    assert len(await on.logged()) == 2
    assert len(on.d.world.webhooks) == 1, "a thread speaks through its channel's"


async def test_rate_limits_and_a_full_queue_say_so(
    d: LoopbackDiscord, tmp_path: Path, backend: ScriptedBackend
) -> None:
    settings = QUICK + "[bot.limits]\nuser_burst = 5\nuser_seconds = 60.0\nchannel_queue = 2\n"
    async with theatre(d, tmp_path, backend, settings=settings) as t:
        await t.do("character add", character=HOLMES, talk="always")
        backend.hold.clear()
        await t.say("first")
        await eventually(lambda: backend.open)
        for n in range(3):
            await t.say(f"queued {n}")
        await d.until(t.channel, lambda seen: "waiting here already" in seen[-1].content)
        backend.hold.set()
        await t.answered(3)
        for n in range(4):
            await t.say(f"flood {n}")
        await d.until(t.channel, lambda seen: any("more than you may ask" in m.content for m in seen))
        await t.answered(4)

        async def all_heard() -> bool:
            return len([r for r in await t.logged() if r.state == "heard"]) == 8

        await eventually(all_heard)
        assert len([m for m in d.messages(t.channel) if "more than you may ask" in m.content]) == 1
        assert len(spoken(t)) == 4


# What goes wrong.


async def test_what_was_missed_is_heard_once(d: LoopbackDiscord, tmp_path: Path) -> None:
    backend = ScriptedBackend(_echo)
    guild = d.guild()
    channel = d.channel(guild)
    async with theatre(d, tmp_path, backend, settings=QUICK, guild=guild, channel=channel) as t:
        await t.say("before anybody listened")
        await t.do("character add", character=HOLMES, talk="always")
        await d.gateway.invalid_session(resumable=False)
        await t.say("missed 1")
        await t.say("missed 2")
        await t.answered(2)
        await t.say("told 3")
        rows = await t.answered(3)
        d.gateway.drop()
        await t.say("replayed 4")
        await d.gateway.repeat("MESSAGE_CREATE")
        rows = await t.answered(4)
        assert d.gateway.resumed == 1
    for n in (5, 6):
        d.world.message(channel, t.john, f"while away {n}")
    async with theatre(d, tmp_path, backend, settings=QUICK, guild=guild, channel=channel) as t:
        await t.say("just now 7")
        rows = await t.answered(7)
    heard = [r.text for r in rows if r.speaker_kind == "human"]
    assert heard == [
        "missed 1",
        "missed 2",
        "told 3",
        "replayed 4",
        "while away 5",
        "while away 6",
        "just now 7",
    ]
    assert [text for _, text in spoken(t)] == [f"Regarding {h}: noted." for h in heard]
    assert {r.state for r in rows} == {"heard", "delivered"}


def _echo(request: Request) -> str:
    """Names the last thing that was said."""
    text = request.messages[1].text
    kinds = ("missed", "told", "replayed", "while away", "just now")
    number, kind = max((text.rfind(f"{k} {n}"), f"{k} {n}") for k in kinds for n in range(1, 8))
    assert number >= 0, text
    return f"Regarding {kind}: noted."


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/webhooks/", "drop-before"),
        ("POST", "/webhooks/", "drop-after"),
        ("POST", "/webhooks/", "status"),
        ("POST", "/webhooks/", "status-after"),
        ("POST", "/webhooks/", "limit"),
        ("PATCH", "/messages/", "drop-after"),
        ("PATCH", "/messages/", "status"),
        ("*", "/webhooks/", "global-limit"),
    ],
)
async def test_a_streamed_reply_stands_once_whatever_happens(
    on: Theatre, backend: ScriptedBackend, method: str, path: str, kind: Kind
) -> None:
    backend.pause = 0.03
    on.d.fault(method, path, kind, times=2, status=502, seconds=0.1)
    await on.say("well?", files=[drawn(1)])
    rows = await on.answered()
    assert spoken(on) == [("Sherlock Holmes", WORDS)]
    assert rows[-1].state == "delivered"
    assert rows[-1].message_ids == (on.d.messages(on.channel)[-1].id,)


async def test_the_gateway_is_cut_while_a_reply_streams(on: Theatre, backend: ScriptedBackend) -> None:
    backend.pause = 0.05
    await on.say("well?")
    await on.d.until(on.channel, lambda seen: seen[-1].webhook)
    await on.d.gateway.invalid_session(resumable=False)
    rows = await on.answered()
    await eventually(lambda: on.d.gateway.identified >= 2)
    await on.say("again?")
    rows = await on.answered(2)
    assert spoken(on) == [("Sherlock Holmes", WORDS)] * 2
    assert [r.state for r in rows] == ["heard", "delivered"] * 2


async def test_without_the_webhook_permission_the_name_stands_in_front(
    d: LoopbackDiscord, tmp_path: Path, backend: ScriptedBackend
) -> None:
    guild = d.guild()
    channel = d.channel(guild)
    d.deny(channel, "manage_webhooks")
    async with theatre(d, tmp_path, backend, settings=QUICK, guild=guild, channel=channel) as t:
        await t.do("character add", character=HOLMES, talk="always")
        said = await t.say("hello")
        await t.answered()
        seen = d.messages(channel)
        assert sum("Manage Webhooks" in m.content for m in seen) == 1
        assert (seen[-1].author, seen[-1].content) == ("Vignette", f"**Sherlock Holmes:** {WORDS}")
        assert seen[-1].reply_to == said["id"]


async def test_a_channel_is_known_to_the_journal_as_it_is(on: Theatre) -> None:
    await on.say("hello")
    await on.answered()
    async with on.bot.house.journal.read() as tx:
        known = await channels.get(tx, f"discord:{on.channel['id']}")
    assert known is not None
    assert (known.name, known.server, known.adult) == ("general", on.guild["id"], False)


async def test_why_tells_what_was_not_shown(on: Theatre, backend: ScriptedBackend) -> None:
    recital = " ".join(on.bot.house.cast.characters[HOLMES].profile.introduction.split()[:30])
    backend.say = lambda _: recital if len(backend.requests) < 3 else WORDS
    await on.say("What do you make of this hat?")
    _, answer = await on.answered()
    assert answer.text == WORDS
    assert answer.made is not None
    assert answer.made.refused == "recites its prompt; recites its prompt"
    reply = on.d.messages(on.channel)[-1]
    assert not any("consulting detective" in version for version in reply.versions)
    assert "Not shown before it, since it recites its prompt" in await on.do("why")
