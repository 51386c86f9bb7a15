"""Every slash command and the context menu, as a person uses them."""

import asyncio

import pytest

from bot.events import Answer
from bot.platforms.discord.commands import MENU
from bot.settings import DiscordSettings
from tests.bot.platforms.discord.conftest import Town
from tests.bot.platforms.discord.house import Notes, Recorder, png, running

HOLMES, ADA = "sherlock-holmes", "ada-lovelace"
COMMANDS: list[tuple[str, dict[str, str | int | bool], dict[str, bytes]]] = [
    ("character add", {"character": HOLMES, "talk": "always"}, {}),
    ("character remove", {"character": HOLMES}, {}),
    ("character list", {}, {}),
    ("character info", {"character": ADA}, {}),
    ("talk", {"character": HOLMES, "words": "Look!"}, {"picture": png()}),
    ("duet", {"first": HOLMES, "second": ADA, "turns": 4, "about": "rain"}, {"picture": png()}),
    ("new", {}, {}),
    ("stop", {}, {}),
    ("again", {"message": "123"}, {}),
    ("why", {}, {}),
    ("forget", {"confirm": "yes"}, {}),
    ("privacy", {"training": "on"}, {}),
    ("help", {}, {}),
]


async def test_each_command_reaches_the_bot_and_is_answered(town: Town, inbox: Recorder) -> None:
    d = town.discord
    mary = d.user("Mary", manager=True)
    async with running(d, inbox):
        for number, (name, options, files) in enumerate(COMMANDS):
            inbox.answer = Answer(f"{name} done", private=number % 2 == 0)
            interaction = await d.slash(mary, town.channel, name, options, files)
            await inbox.until(lambda r, n=number: len(r.commands) == n + 1)  # type: ignore[misc]
            shown = await interaction.says("done")
            assert shown.private == (number % 2 == 0), name
            assert interaction.kind == 5
            command = inbox.commands[-1]
            assert command.name == name.replace(" ", ".")
            assert command.arguments == options
            assert [a.filename for a in command.attachments] == [f"{f}.png" for f in files]
            assert command.author.manager
            assert command.id == f"i{interaction.id}"
    public = [m.content for m in d.messages(town.channel)]
    assert public == [f"{name} done" for name, _, _ in COMMANDS[1::2]]


async def test_invite_names_exactly_the_permissions_needed(town: Town, inbox: Recorder) -> None:
    async with running(town.discord, inbox) as platform:
        interaction = await town.discord.slash(town.john, town.channel, "invite")
        shown = await interaction.says()
    needed = sum(1 << bit for bit in (10, 11, 16, 29, 38))
    assert f"permissions={needed}" in shown.content
    assert platform.invite_link in shown.content
    assert inbox.commands == []


async def test_names_complete_as_they_are_typed(town: Town, inbox: Recorder) -> None:
    async with running(town.discord, inbox):
        found = await town.discord.autocomplete(town.john, town.channel, "talk", "character", "sher")
        nested = await town.discord.autocomplete(town.john, town.channel, "character add", "character", "ada")
    assert found == [("Sherlock Holmes", HOLMES)]
    assert nested == [("Ada Lovelace", ADA)]


async def test_the_context_menu_asks_a_character_about_a_picture(town: Town, inbox: Recorder) -> None:
    d = town.discord
    said = await d.say(town.john, town.channel, "mine", files=[png()])
    bare = await d.say(town.john, town.channel, "no picture")
    async with running(d, inbox):
        modal = await d.message_menu(town.john, town.channel, MENU, said)
        await asyncio.wait_for(modal.answered.wait(), 60)
        words = {"Character": HOLMES, "What do you say?": "Well?"}
        submitted = await d.submit(town.john, town.channel, modal, words)
        assert (await submitted.says()).content == "Very well."
        none = await d.message_menu(town.john, town.channel, MENU, bare)
        assert "no picture" in (await none.says()).content
    (command,) = inbox.commands
    assert (command.name, command.arguments) == ("talk", {"character": HOLMES, "words": "Well?"})
    assert [a.url for a in command.attachments] == [said["attachments"][0]["url"]]


async def test_a_long_answer_comes_in_parts_and_a_failure_is_admitted(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox):
        inbox.answer = Answer("word " * 900, private=False)
        interaction = await d.slash(town.john, town.channel, "help")
        await d.until(town.channel, lambda seen: len(seen) == 3)
        inbox.broken = True
        broken = await d.slash(town.john, town.channel, "why")
        assert "went wrong" in (await broken.says()).content
    assert all(not s.private for s in interaction.visible)


async def test_outside_the_allow_list_only_personal_commands_work(town: Town, inbox: Recorder) -> None:
    settings = DiscordSettings(allowed_channels=(1,))
    async with running(town.discord, inbox, settings=settings):
        refused = await town.discord.slash(town.john, town.channel, "new")
        assert "not set up" in (await refused.says()).content
        heard = await town.discord.slash(town.john, town.channel, "privacy")
        assert (await heard.says()).content == "Very well."
    assert [c.name for c in inbox.commands] == ["privacy"]


@pytest.mark.parametrize("guild", [False, True])
async def test_definitions_are_registered_once(town: Town, inbox: Recorder, guild: bool) -> None:
    notes = Notes()
    settings = DiscordSettings(guild=int(town.guild["id"]) if guild else None)
    for _ in range(2):
        async with running(town.discord, inbox, memory=notes, settings=settings):
            interaction = await town.discord.slash(town.john, town.channel, "why")
            assert (await interaction.says()).content == "Very well."
    assert town.discord.bot.command_syncs == 1
    names = {c["name"] for c in town.discord.bot.commands}
    assert {"character", "talk", "duet", MENU} < names
    assert len(names) == 12


async def test_a_command_that_moves_between_one_server_and_all_never_stands_twice(
    town: Town, inbox: Recorder
) -> None:
    notes, one = Notes(), int(town.guild["id"])
    for guild in (one, None, one, None):
        async with running(town.discord, inbox, memory=notes, settings=DiscordSettings(guild=guild)):
            await inbox.until(lambda r: town.discord.bot.commands)
            names = [c["name"] for c in town.discord.bot.commands]
            assert len(names) == len(set(names)) == 12
            assert bool(town.discord.bot.registered[str(one) if guild else ""])


async def test_commands_say_where_they_may_be_used(town: Town, inbox: Recorder) -> None:
    async with running(town.discord, inbox):
        await inbox.until(lambda r: town.discord.bot.commands)
    for command in town.discord.bot.commands:
        assert command["contexts"] == [0, 1], "servers and direct messages"
        assert command["integration_types"] == [0]


@pytest.mark.parametrize("kind", ["drop-before", "drop-after", "status", "status-after"])
async def test_a_command_survives_a_lost_acknowledgement(town: Town, inbox: Recorder, kind: str) -> None:
    d = town.discord
    d.fault("POST", "/callback", kind, status=503)  # type: ignore[arg-type]
    async with running(d, inbox):
        interaction = await d.slash(town.john, town.channel, "why")
        shown = await interaction.says()
    assert shown.content == "Very well."
    assert len(inbox.commands) == 1
