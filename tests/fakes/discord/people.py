"""What people do on the loopback Discord: they speak, edit, delete, react and use commands."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.interactions import Interaction, Interactions
from tests.fakes.discord.messages import Rest
from tests.fakes.discord.world import FORUM, Bot, Json, World, public

STRING, INTEGER, BOOLEAN, ATTACHMENT = 3, 4, 5, 11


class People:
    world: World
    gateway: Gateway
    rest: Rest
    interactions: Interactions
    bot: Bot

    async def say(
        self,
        user: Json,
        channel: Json,
        text: str = "",
        *,
        files: Sequence[bytes] = (),
        reply_to: str = "",
        forwards: Json | None = None,
        **more: Any,
    ) -> Json:
        """A person's message. `reply_to` is a message id there, `forwards` a message from anywhere."""
        world = self.world
        attachments = [world.attach(channel, f"picture-{i}.png", data) for i, data in enumerate(files)]
        if reply_to:
            reference = {"type": 0, "message_id": reply_to, "channel_id": channel["id"]}
            more |= {"type": 19, "message_reference": reference}
        if forwards is not None:
            reference = {"type": 1, "message_id": forwards["id"], "channel_id": forwards["channel_id"]}
            more |= {"message_reference": reference, "message_snapshots": [{"message": _snapshot(forwards)}]}
        message = world.message(channel, user, text, attachments=attachments, **more)
        await self.gateway.emit("MESSAGE_CREATE", self.rest.placed(channel, message), channel=channel)
        return message

    async def say_through_webhook(
        self, channel: Json, name: str, text: str, *, application: str | None, **more: Any
    ) -> Json:
        """A message through somebody else's webhook; `application` owns it, None if a person made it."""
        webhook = self.world.snowflake()
        author = {**self.world.user(webhook, name), "discriminator": "0000", "bot": True}
        more = {"webhook_id": webhook, **({"application_id": application} if application else {}), **more}
        message = self.world.message(channel, author, text, **more)
        await self.gateway.emit("MESSAGE_CREATE", self.rest.placed(channel, message), channel=channel)
        return message

    async def post_in_forum(
        self, user: Json, forum: Json, title: str, text: str, *, files: Sequence[bytes] = ()
    ) -> tuple[Json, Json]:
        """A forum post: (its thread, its first message, which has the thread's id)."""
        assert forum["type"] == FORUM
        thread = self.world.add_thread(forum, title, identity=self.world.snowflake())
        await self.gateway.emit("THREAD_CREATE", {**thread, "newly_created": True}, channel=thread)
        return thread, await self.say(user, thread, text, files=files, id=thread["id"])

    async def start_thread(self, parent: Json, name: str) -> Json:
        thread = self.world.add_thread(parent, name)
        await self.gateway.emit("THREAD_CREATE", {**thread, "newly_created": True}, channel=thread)
        return thread

    async def edit(self, channel: Json, message: Json, text: str) -> None:
        await self.rest.change(channel, message, {"content": text})

    async def delete(self, channel: Json, message_id: str) -> None:
        await self.rest.remove(channel, message_id)

    async def react(
        self, user: Json, channel: Json, message_id: str, emoji: str, *, removed: bool = False
    ) -> None:
        author = self.world.messages[channel["id"]][message_id]["author"]["id"]
        data: Json = {
            "user_id": user["id"],
            "channel_id": channel["id"],
            "message_id": message_id,
            "emoji": {"id": None, "name": emoji},
            "message_author_id": author,
            "burst": False,
            "type": 0,
        }
        if "guild_id" in channel:
            data["guild_id"] = channel["guild_id"]
            guild = self.world.guilds[channel["guild_id"]]
            if not removed:
                data["member"] = {**self.world.member(guild, user), "user": user}
        event = "MESSAGE_REACTION_REMOVE" if removed else "MESSAGE_REACTION_ADD"
        await self.gateway.emit(event, data, channel=channel)

    # commands

    async def slash(
        self,
        user: Json,
        channel: Json,
        name: str,
        options: Mapping[str, str | int | bool] | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> Interaction:
        """`name` with its subcommand after a space; `files` are attachment options."""
        data = self._command(name, options or {}, files or {}, channel)
        return await self.interactions.start(self.bot, user, channel, 2, data)

    async def autocomplete(
        self, user: Json, channel: Json, name: str, option: str, typed: str
    ) -> list[tuple[str, str]]:
        """(label, value) of what the bot offers."""
        data = self._command(name, {option: typed}, {}, channel)
        inner = data["options"]
        inner = inner[0]["options"] if " " in name else inner
        inner[0]["focused"] = True
        interaction = await self.interactions.start(self.bot, user, channel, 4, data)
        await asyncio.wait_for(interaction.answered.wait(), 60)
        return [(c["name"], c["value"]) for c in interaction.data["choices"]]

    async def message_menu(self, user: Json, channel: Json, name: str, message: Json) -> Interaction:
        registered = next(c for c in self.bot.commands if c["name"] == name and c.get("type") == 3)
        resolved = {"messages": {message["id"]: public(message)}}
        data = {"id": registered["id"], "name": name, "type": 3, "target_id": message["id"]}
        return await self.interactions.start(self.bot, user, channel, 2, {**data, "resolved": resolved})

    async def submit(
        self, user: Json, channel: Json, modal: Interaction, answers: Mapping[str, str]
    ) -> Interaction:
        """Fills in the modal that the bot showed; `answers` by the label of each field."""
        rows = []
        for row in modal.data["components"]:
            inner = row.get("component") or row["components"][0]
            label = row.get("label") or inner.get("label")
            filled = {"type": 4, "id": 2, "custom_id": inner["custom_id"], "value": answers.get(label, "")}
            if row["type"] == 18:
                rows.append({"type": 18, "id": 1, "component": filled})
            else:
                rows.append({"type": 1, "id": 1, "components": [filled]})
        data = {"custom_id": modal.data["custom_id"], "components": rows}
        return await self.interactions.start(self.bot, user, channel, 5, data)

    def _command(
        self, name: str, options: Mapping[str, str | int | bool], files: Mapping[str, bytes], channel: Json
    ) -> Json:
        top, _, sub = name.partition(" ")
        registered = next((c for c in self.bot.commands if c["name"] == top), None)
        assert registered is not None, f"/{top} is not among {[c['name'] for c in self.bot.commands]}"
        known = registered["options"]
        if sub:
            known = next(o for o in known if o["name"] == sub).get("options", [])
        kinds = {o["name"]: o["type"] for o in known}
        filled: list[Json] = [{"name": k, "type": kinds[k], "value": v} for k, v in options.items()]
        attached = {}
        for option, raw in files.items():
            attachment = self.world.attach(channel, f"{option}.png", raw)
            attached[attachment["id"]] = attachment
            filled.append({"name": option, "type": kinds[option], "value": attachment["id"]})
        inner = [{"name": sub, "type": 1, "options": filled}] if sub else filled
        data = {"id": registered["id"], "name": top, "type": 1, "options": inner}
        if "guild_id" in registered:
            data["guild_id"] = registered["guild_id"]
        return {**data, "resolved": {"attachments": attached}}


def _snapshot(message: Json) -> Json:
    keys = (
        "type",
        "content",
        "embeds",
        "attachments",
        "timestamp",
        "edited_timestamp",
        "flags",
        "components",
    )
    return {k: message[k] for k in keys}
