"""Takes interactions to the bot: each acknowledged at once, its answer shown to the person or to the place."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import discord
from discord import app_commands

from agent.errors import PlatformError
from bot.events import Answer, Attachment, Command, Place
from bot.platforms.base import Inbox
from bot.platforms.discord import rest, search, translate
from bot.platforms.discord.commands import File, Interaction
from bot.platforms.discord.names import interaction_id
from bot.platforms.discord.permissions import invite
from bot.platforms.discord.rules import Rules
from bot.platforms.discord.split import split

log = logging.getLogger(__name__)

ACKNOWLEDGED = 40060
ANYWHERE = ("help", "invite", "privacy", "forget")  # also outside the allow-list: they concern the person
BROKEN = Answer("Something went wrong here; the log of the bot says what.")
NOT_HERE = Answer("I am not set up for this channel.")
UNKNOWN = Answer("Discord does not tell me which channel this is. Say something here first, then try again.")
SPEAKING = ("character.add", "talk", "duet", "again")  # a reply in the place is what they are for
TELLING = ("why", "new", "character.list")  # what they tell holds only where somebody can answer
MUTE = Answer(
    "I may not write here, so nobody could answer. Give me View Channel and Send Messages (in threads: Send Messages "
    "in Threads) in this channel."
)


class CommandDesk:
    """Commands of one connected client."""

    def __init__(self, client: discord.Client, inbox: Inbox, rules: Rules, call: rest.Caller) -> None:
        self._client, self._inbox, self._rules, self._call = client, inbox, rules, call

    async def run(
        self,
        interaction: Interaction,
        name: str,
        arguments: Mapping[str, str | int | None] | None = None,
        *files: File | None,
    ) -> None:
        shown = tuple(Attachment(f.url, filename=f.filename, size=f.size) for f in files if f is not None)
        given = {k: v for k, v in (arguments or {}).items() if v is not None}
        await self._carry_out(interaction, name, given, shown)

    async def ask(self, interaction: Interaction, message: discord.Message) -> None:
        """The context menu: asks which character is meant, then goes on as /talk."""
        pictures = translate.pictures_of(message) + translate.quoted_pictures(message, None)
        hindered = self._hindered(interaction, "talk")  # said before anybody fills in a form
        if pictures and hindered is None:
            await interaction.response.send_modal(_Which(self, pictures))
        else:
            said = hindered.text if hindered is not None else "There is no picture in that message."
            await interaction.response.send_message(said, ephemeral=True)

    async def complete(
        self, interaction: Interaction, command: str, argument: str, typed: str
    ) -> list[app_commands.Choice[str]]:
        if interaction.channel is None:
            return []
        try:
            found = await self._inbox.suggest(self._place(interaction), command, argument, typed)
        except Exception:
            log.exception("no completions for %s of /%s", argument, command)
            return []
        return [
            app_commands.Choice(name=label[:100] or value[:100], value=value[:100])
            for label, value in found[:25]
        ]

    async def carry_out_talk(
        self, interaction: Interaction, character: str, words: str, shown: Sequence[Attachment]
    ) -> None:
        await self._carry_out(interaction, "talk", {"character": character, "words": words}, tuple(shown))

    async def _carry_out(
        self, interaction: Interaction, name: str, given: dict[str, Any], shown: tuple[Attachment, ...]
    ) -> None:
        if not await self._acknowledged(interaction):
            return
        try:
            answer = await self._answer(interaction, name, given, shown)
        except Exception:
            log.exception("/%s failed", name)
            answer = BROKEN
        try:
            await self._say(interaction, answer)
        except (discord.HTTPException, PlatformError) as error:
            log.warning("the answer to /%s could not be shown: %s", name, error)

    async def _answer(
        self, interaction: Interaction, name: str, given: dict[str, Any], shown: tuple[Attachment, ...]
    ) -> Answer:
        hindered = self._hindered(interaction, name)
        if hindered is not None:
            return hindered
        place = self._place(interaction)
        if name == "invite":
            return Answer(f"Invite me with just the permissions I need: {invite(interaction.application_id)}")
        manager = place.private or interaction.permissions.manage_channels
        manager = manager or self._rules.manages(interaction.user, interaction.channel)
        author = translate.author_of(interaction.user, manager=manager)
        answer = await self._inbox.command(
            Command(place, author, interaction_id(interaction.id), name, given, shown)
        )
        if name in TELLING and not _may_speak(interaction, place):
            return replace(answer, text=f"{answer.text}\n\n{MUTE.text}")
        return answer

    def _hindered(self, interaction: Interaction, name: str) -> Answer | None:
        """What is said where a command can do nothing, None where it can."""
        if name in ANYWHERE:
            return None
        if interaction.channel is None:  # a thread whose parent this process does not know
            return UNKNOWN
        place = self._place(interaction)
        if not self._rules.allows(place):
            return NOT_HERE
        return MUTE if name in SPEAKING and not _may_speak(interaction, place) else None

    def _place(self, interaction: Interaction) -> Place:
        return translate.place_of(interaction.channel, interaction.guild)

    async def _acknowledged(self, interaction: Interaction) -> bool:
        """Within Discord's three seconds, privately: whether the answer is for all is known only later."""
        try:
            await self._call(
                lambda: interaction.response.defer(ephemeral=True, thinking=True),
                what="acknowledge a command",
            )
        except discord.InteractionResponded:
            return True
        except discord.HTTPException as error:
            if error.code == ACKNOWLEDGED:  # an earlier try arrived, its answer did not
                return True
            log.warning("a command was too late to be carried out: %s", error)
            return False
        except PlatformError as error:
            log.warning("a command could not be acknowledged: %s", error)
            return False
        return True

    async def _say(self, interaction: Interaction, answer: Answer) -> None:
        parts = split(answer.text) or ["Done."]
        if answer.private:
            first, *more = parts
            await self._call(
                lambda: interaction.edit_original_response(content=first), what="answer a command"
            )
            for part in more:
                await self._follow_up(interaction, part, private=True)
            return
        # The private "is thinking" must be used up first: the next message would inherit its privacy.
        await self._call(lambda: interaction.edit_original_response(content="Done."), what="answer a command")
        for part in parts:
            await self._follow_up(interaction, part, private=False)
        try:
            await interaction.delete_original_response()
        except (discord.HTTPException, *rest.PASSING) as error:
            log.debug("a private Done stays: %s", error)

    async def _follow_up(self, interaction: Interaction, part: str, *, private: bool) -> None:
        async def send() -> bool:
            await interaction.followup.send(
                part, ephemeral=private, allowed_mentions=discord.AllowedMentions.none(), wait=True
            )
            return True

        async def arrived() -> bool | None:
            channel = interaction.channel
            if private or not isinstance(channel, discord.abc.Messageable):
                return None
            recent = await search.recent(channel, interaction.id)
            ours = [
                m
                for m in recent
                if m.author.id == interaction.application_id or m.author == self._client.user
            ]
            return True if any(m.content.strip() == part for m in ours) else None

        await self._call(send, what="answer a command", arrived=arrived)


def _may_speak(interaction: Interaction, place: Place) -> bool:
    """By what Discord says of our rights with each interaction: the newest there is."""
    have = interaction.app_permissions
    sends = have.send_messages_in_threads if place.parent else have.send_messages
    return place.private or (have.view_channel and sends)


class _Which(discord.ui.Modal, title="Ask a character"):
    def __init__(self, desk: CommandDesk, pictures: Sequence[Attachment]) -> None:
        super().__init__(timeout=900)
        self._desk, self._pictures = desk, pictures
        self._character = discord.ui.TextInput[Any](max_length=100)
        self._words = discord.ui.TextInput[Any](
            style=discord.TextStyle.paragraph, required=False, max_length=1_500
        )
        self.add_item(discord.ui.Label[Any](text="Character", component=self._character))
        self.add_item(discord.ui.Label[Any](text="What do you say?", component=self._words))

    async def on_submit(self, interaction: Interaction, /) -> None:
        await self._desk.carry_out_talk(interaction, self._character.value, self._words.value, self._pictures)
