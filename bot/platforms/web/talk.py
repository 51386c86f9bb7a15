"""Requests that make something happen: conversations, messages, commands, reactions."""

import secrets
from collections.abc import Sequence

from aiohttp import web

from agent.picture import Picture
from bot.events import Attachment, Command, Incoming, Reacted
from bot.platforms.web.desk import Desk
from bot.platforms.web.uploads import read_body
from bot.platforms.web.wire import (
    CONVERSATION,
    NAME,
    CommandBody,
    MessageBody,
    ReactionBody,
    Refused,
    checked,
    message_id,
    picture_json,
)


class Talk:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/conversations", self.begin),
            web.post("/api/conversations/{id}/messages", self.message),
            web.post("/api/commands", self.command),
            web.post("/api/turns/{id}/reactions", self.react),
        ]

    async def begin(self, request: web.Request) -> web.Response:
        """A new conversation is a new place. Its id cannot be guessed: who has it, takes part."""
        return web.json_response({"id": "c-" + secrets.token_urlsafe(16)}, status=201)

    async def message(self, request: web.Request) -> web.Response:
        desk = self._desk
        conversation = checked(CONVERSATION, request.match_info["id"])
        body, pictures = await read_body(request, MessageBody, desk.intake, desk.limits)
        if not body.words.strip() and not pictures:
            raise Refused(400, "a message needs words or a picture")
        for name in body.characters:
            if name not in desk.cast.characters:
                raise Refused(404, f"there is no character {name}", mend="reload the page to see who is here")
        message = message_id(conversation, body.id)
        author = desk.people.author(request, body.call_me)
        attachments = self._show(conversation, message, body.id, body.words, pictures, author.name)
        incoming = Incoming(
            desk.place(conversation),
            author,
            message,
            body.words,
            attachments,
            reply_to=body.reply_to,
            addressed=tuple(dict.fromkeys(body.characters)),
        )
        try:
            await desk.inbox.receive(incoming)
        except BaseException:
            desk.hub.publish(conversation, "human-withdrawn", {"id": message})
            raise
        return web.json_response({"id": message}, status=202)

    async def command(self, request: web.Request) -> web.Response:
        desk = self._desk
        body, pictures = await read_body(request, CommandBody, desk.intake, desk.limits)
        message = message_id(body.place, body.id)
        author = desk.people.author(request, body.call_me)
        attachments: tuple[Attachment, ...] = ()
        if pictures:
            attachments = self._show(body.place, message, body.id, "", pictures, author.name)
        answer = await desk.inbox.command(
            Command(desk.place(body.place), author, message, body.name, dict(body.arguments), attachments)
        )
        if body.name == "new":
            desk.hub.log(body.place).forget_heard()
        elif body.name == "forget":
            desk.hub.forget()
        if not answer.private:
            desk.hub.publish(body.place, "notice", {"words": answer.text})
        elif pictures:  # refused: what it was to be about is not shown either
            desk.hub.publish(body.place, "human-withdrawn", {"id": message})
        return web.json_response({"text": answer.text, "private": answer.private})

    async def react(self, request: web.Request) -> web.Response:
        turn = checked(NAME, request.match_info["id"])
        body, _ = await read_body(request, ReactionBody, self._desk.intake, self._desk.limits)
        await self._desk.inbox.receive(
            Reacted(
                self._desk.place(body.place),
                self._desk.people.author(request),
                turn,
                body.emoji,
                body.removed,
            )
        )
        return web.json_response({}, status=202)

    def _show(
        self,
        conversation: str,
        message: str,
        client_id: str,
        words: str,
        pictures: Sequence[Picture],
        name: str,
    ) -> tuple[Attachment, ...]:
        """Shows a person's turn on every open page of the conversation (before the bot has it, so that no
        reply can come to stand above it), and makes its attachments. A repeat is shown once."""
        views = [self._desk.keep(p) for p in pictures]
        if not self._desk.hub.log(conversation).knows(message):
            shown = [picture_json(v) for v in views]
            turn = {"id": message, "client": client_id, "name": name, "text": words, "pictures": shown}
            self._desk.hub.publish(conversation, "human-turn", turn)
        return tuple(Attachment(sha256=v.sha256) for v in views)
