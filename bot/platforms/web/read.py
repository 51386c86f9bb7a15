"""Requests that only look: the page itself, characters and faces, conversations, dialogues, pictures."""

import asyncio
import hashlib
from typing import Any

from aiohttp import web

from agent.character import Character
from bot.platforms.web.desk import Desk
from bot.platforms.web.wire import (
    CONVERSATION,
    NAME,
    SHA256,
    Refused,
    character_json,
    checked,
    moment,
    note_json,
    summary_json,
    turn_json,
)

PAGE = 24  # dialogues of one answer
IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


def cached(request: web.Request, data: bytes, mime: str, charset: str | None = None) -> web.Response:
    """The bytes, or 304 where the browser has them already; it asks each time, so that none goes stale."""
    tag = hashlib.sha256(data).hexdigest()[:16]
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache"}
    if any(known.value == tag for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, content_type=mime, charset=charset, headers=headers)


class Read:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._faces: dict[str, tuple[Character, bytes]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/characters", self.characters),
            web.get("/api/model", self.model),
            web.get("/api/faces/{id}.png", self.face),
            web.get("/api/conversations/{id}", self.conversation),
            web.get("/api/dialogues", self.dialogues),
            web.get("/api/dialogues/{id}", self.dialogue),
            web.get("/api/pictures/{sha256}", self.picture),
            web.get("/api/pictures/{sha256}/note", self.note),
        ]

    async def characters(self, request: web.Request) -> web.Response:
        cast = self._desk.cast.characters.values()
        reader = self._desk.people.name(request.query.get("call_me", ""))
        shown = [character_json(c, reader) for c in cast if self._desk.adult or not c.adult]
        return web.json_response({"characters": shown, "pictures_per_turn": self._desk.limits.per_turn})

    async def model(self, request: web.Request) -> web.Response:
        return web.json_response({"words": await self._desk.model()})

    async def face(self, request: web.Request) -> web.Response:
        character = self._desk.cast.characters.get(checked(NAME, request.match_info["id"]))
        if character is None:
            raise Refused(404, "there is no such character")
        known = self._faces.get(character.id)
        if known is None or known[0] is not character:
            drawn = await asyncio.to_thread(self._desk.cast.face, character)
            known = self._faces[character.id] = (character, drawn)
        data = known[1]
        # The bytes may have come with somebody's card: what is no raster image is never handed to a browser.
        mime = next((kind for magic, kind in IMAGES.items() if data.startswith(magic)), None)
        if mime is None:
            raise Refused(404, "this character has no face")
        return cached(request, data, mime)

    async def conversation(self, request: web.Request) -> web.Response:
        """All that a page needs to show a conversation: its turns, the people's turns that still wait, the
        replies being written, whether a duet runs, and the event id to go on from. The hub is asked before the
        journal, so that nothing falls between them; what is in both has the same id, and a page draws an id
        once."""
        place = self._desk.place(checked(CONVERSATION, request.match_info["id"]))
        log = self._desk.hub.log(place.id)
        state = {
            "after": log.cursor,
            "heard": log.heard(),
            "live": [dict(turn) for turn in log.live.values()],
            "duet": log.duet,
        }
        turns = await self._desk.archive.current(place)
        return web.json_response(state | {"turns": [turn_json(t) for t in turns]})

    async def dialogues(self, request: web.Request) -> web.Response:
        before = request.query.get("before")
        found = await self._desk.archive.dialogues(
            moment(before) if before else None, PAGE, viewer=self._desk.people.viewer(request)
        )
        more = found[-1].last.isoformat() if len(found) == PAGE else None
        return web.json_response({"dialogues": [summary_json(d) for d in found], "before": more})

    async def dialogue(self, request: web.Request) -> web.Response:
        turns = await self._desk.archive.dialogue(
            checked(NAME, request.match_info["id"]), viewer=self._desk.people.viewer(request)
        )
        if not turns:
            raise Refused(404, "there is no such dialogue")
        return web.json_response({"turns": [turn_json(t) for t in turns]})

    async def picture(self, request: web.Request) -> web.StreamResponse:
        stored = await self._desk.picture(checked(SHA256, request.match_info["sha256"]))
        if stored is None or stored.mime not in ("image/png", "image/jpeg") or not stored.path.is_file():
            raise Refused(404, "there is no such picture")
        answer = web.FileResponse(stored.path)
        answer.content_type = stored.mime
        answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        return answer

    async def note(self, request: web.Request) -> web.Response:
        stored = await self._desk.picture(checked(SHA256, request.match_info["sha256"]))
        if stored is None:
            raise Refused(404, "there is no such picture")
        note: dict[str, Any] | None = note_json(stored.note)
        return web.json_response({"note": note})
