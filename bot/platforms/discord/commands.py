"""The slash commands and the context menu, as Discord shows them. What they do is the bot's."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Protocol

import discord
from discord import app_commands

Interaction = discord.Interaction[Any]
File = discord.Attachment
MENU = "Ask a character about a picture"  # Discord takes 32 characters at most


class Desk(Protocol):
    """Where commands are taken to (`desk.CommandDesk`)."""

    async def run(
        self,
        interaction: Interaction,
        name: str,
        arguments: Mapping[str, str | int | None] | None = None,
        *files: File | None,
    ) -> None: ...

    async def ask(self, interaction: Interaction, message: discord.Message) -> None: ...

    async def complete(
        self, interaction: Interaction, command: str, argument: str, typed: str
    ) -> list[app_commands.Choice[str]]: ...


def tree(client: discord.Client, desk: Desk) -> app_commands.CommandTree[Any]:
    """All commands, on a client that has no tree yet."""
    made: app_commands.CommandTree[Any] = app_commands.CommandTree(
        client,
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )
    made.add_command(_character(desk))
    for command in (*_speaking(desk), *_plain(desk), *_personal(desk)):
        made.add_command(command)
    made.add_command(_menu(desk))
    return made


def digest(commands: app_commands.CommandTree[Any]) -> str:
    """A hash of the definitions as they are sent to Discord."""
    found = [c.to_dict(commands) for c in commands.get_commands()]
    found += [c.to_dict(commands) for c in commands.get_commands(type=discord.AppCommandType.message)]
    return hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _completed(desk: Desk, command: app_commands.Command[Any, ..., Any], name: str, *arguments: str) -> None:
    def register(argument: str) -> None:
        async def complete(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
            return await desk.complete(interaction, name, argument, current)

        command.autocomplete(argument)(complete)

    for argument in arguments:
        register(argument)


def _character(desk: Desk) -> app_commands.Group:
    group = app_commands.Group(name="character", description="Who is in this channel")

    @group.command(name="add", description="Invite a character into this channel")
    @app_commands.describe(character="Who", talk="When they speak up")
    async def add(interaction: Interaction, character: str, talk: str | None = None) -> None:
        await desk.run(interaction, "character.add", {"character": character, "talk": talk})

    @group.command(name="remove", description="Send a character away")
    @app_commands.describe(character="Who")
    async def remove(interaction: Interaction, character: str) -> None:
        await desk.run(interaction, "character.remove", {"character": character})

    @group.command(name="list", description="Who is here, and who could be")
    async def listing(interaction: Interaction) -> None:
        await desk.run(interaction, "character.list")

    @group.command(name="info", description="Who a character is")
    @app_commands.describe(character="Who")
    async def info(interaction: Interaction, character: str) -> None:
        await desk.run(interaction, "character.info", {"character": character})

    _completed(desk, add, "character.add", "character", "talk")
    _completed(desk, remove, "character.remove", "character")
    _completed(desk, info, "character.info", "character")
    return group


def _speaking(desk: Desk) -> list[app_commands.Command[Any, ..., Any]]:
    @app_commands.command(name="talk", description="Show a picture or say something to one character")
    @app_commands.describe(character="To whom", words="What you say", picture="What you show")
    async def talk(
        interaction: Interaction, character: str, words: str | None = None, picture: File | None = None
    ) -> None:
        await desk.run(interaction, "talk", {"character": character, "words": words}, picture)

    @app_commands.command(name="duet", description="Two characters converse about a picture")
    @app_commands.describe(
        first="Who begins", second="Who answers", picture="About what", turns="How many turns", about="Or a subject",
        third="Who joins", fourth="Who joins as well",
    )  # fmt: skip
    async def duet(
        interaction: Interaction,
        first: str,
        second: str,
        picture: File | None = None,
        turns: app_commands.Range[int, 2, 100] | None = None,
        about: str | None = None,
        third: str | None = None,
        fourth: str | None = None,
    ) -> None:
        cast = {"first": first, "second": second, "third": third, "fourth": fourth}
        await desk.run(interaction, "duet", {**cast, "turns": turns, "about": about}, picture)

    _completed(desk, talk, "talk", "character")
    _completed(desk, duet, "duet", "first", "second", "third", "fourth")
    return [talk, duet]


def _plain(desk: Desk) -> list[app_commands.Command[Any, ..., Any]]:
    @app_commands.command(name="new", description="End this dialogue and begin another")
    async def new(interaction: Interaction) -> None:
        await desk.run(interaction, "new")

    @app_commands.command(name="stop", description="Stop who is speaking, and a duet")
    async def stop(interaction: Interaction) -> None:
        await desk.run(interaction, "stop")

    @app_commands.command(name="again", description="Ask for another answer; the first is kept")
    @app_commands.describe(message="Id of the answer, if not the last one")
    async def again(interaction: Interaction, message: str | None = None) -> None:
        await desk.run(interaction, "again", {"message": message})

    @app_commands.command(name="why", description="Why did this character answer?")
    @app_commands.describe(message="Id of the answer, if not the last one")
    async def why(interaction: Interaction, message: str | None = None) -> None:
        await desk.run(interaction, "why", {"message": message})

    @app_commands.command(name="help", description="What can be done here")
    async def help_(interaction: Interaction) -> None:
        await desk.run(interaction, "help")

    @app_commands.command(name="invite", description="A link that invites this bot elsewhere")
    async def invite(interaction: Interaction) -> None:
        await desk.run(interaction, "invite")

    return [new, stop, again, why, help_, invite]


def _personal(desk: Desk) -> list[app_commands.Command[Any, ..., Any]]:
    @app_commands.command(name="forget", description="Delete what you said and showed")
    @app_commands.describe(
        confirm="yes: it cannot be undone",
        name="Who spoke through a proxy (PluralKit) in this server, not you",
    )
    async def forget(interaction: Interaction, confirm: str | None = None, name: str | None = None) -> None:
        await desk.run(interaction, "forget", {"confirm": confirm, "name": name})

    @app_commands.command(name="privacy", description="What is kept about you, and what for")
    @app_commands.describe(training="May your words train a model?")
    async def privacy(interaction: Interaction, training: str | None = None) -> None:
        await desk.run(interaction, "privacy", {"training": training})

    _completed(desk, privacy, "privacy", "training")
    return [forget, privacy]


def _menu(desk: Desk) -> app_commands.ContextMenu:
    @app_commands.context_menu(name=MENU)
    async def ask(interaction: Interaction, message: discord.Message) -> None:
        await desk.ask(interaction, message)

    return ask
