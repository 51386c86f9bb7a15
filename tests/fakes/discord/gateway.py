"""The gateway: identify, heartbeat, resume with replay, invalid sessions, dropped sockets."""

import asyncio
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes.discord.world import DM, MESSAGE_CONTENT, Bot, Json, World

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, MEMBERS, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 8, 9, 10, 11


@dataclass
class Session:
    """One bot's session: lives on while its socket is away, so that it can be resumed."""

    id: str
    bot: Bot
    intents: int
    seq: int = 0
    sent: list[Json] = field(default_factory=list)
    line: "Line | None" = None

    async def dispatch(self, event: str, data: Any) -> None:
        self.seq += 1
        payload = {"op": DISPATCH, "t": event, "s": self.seq, "d": data}
        self.sent.append(payload)
        if self.line is not None:
            await self.line.send(payload)


class Line:
    """One socket, with its own compressor (zlib-stream, or plain text when not asked for)."""

    def __init__(self, ws: web.WebSocketResponse, compress: bool) -> None:
        self.ws = ws
        self._zlib = zlib.compressobj() if compress else None

    async def send(self, payload: Json) -> None:
        if self.ws.closed:
            return
        raw = json.dumps(payload)
        try:
            if self._zlib is None:
                await self.ws.send_str(raw)
            else:
                await self.ws.send_bytes(
                    self._zlib.compress(raw.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
                )
        except ConnectionError:
            pass


class Gateway:
    def __init__(self, world: World) -> None:
        self.world = world
        self.sessions: dict[str, Session] = {}
        self.refusals = 0
        self.identified = 0
        self.resumed = 0
        self.changed = asyncio.Event()

    # what tests order

    def refuse_first_connects(self, times: int) -> None:
        """The next `times` connects get a 503 instead of a socket."""
        self.refusals = times

    async def reconnect(self) -> None:
        """Op 7: every client is told to come back and resume."""
        for session in list(self.sessions.values()):
            if session.line is not None:
                await session.line.send({"op": RECONNECT, "d": None})

    async def invalid_session(self, resumable: bool) -> None:
        """Op 9. Not resumable: the session is forgotten, what happens meanwhile is not replayed."""
        for session in list(self.sessions.values()):
            line, session.line = session.line, None
            if not resumable:
                del self.sessions[session.id]
            if line is not None:
                await line.send({"op": INVALID, "d": resumable})

    def drop(self) -> None:
        """Every socket is cut without a word."""
        for session in self.sessions.values():
            line, session.line = session.line, None
            if line is not None and line.ws._req is not None and line.ws._req.transport is not None:
                line.ws._req.transport.abort()

    async def repeat(self, event: str) -> None:
        """Sends the last event of that kind once more, as Discord does at times."""
        for session in self.sessions.values():
            last = next((p for p in reversed(session.sent) if p["t"] == event), None)
            if last is not None:
                await session.dispatch(event, last["d"])

    # what the rest of the loopback says

    async def emit(self, event: str, data: Json, *, channel: Json) -> None:
        """Tells every bot that is in the channel."""
        for session in list(self.sessions.values()):
            if self._present(session.bot, channel):
                await session.dispatch(event, self._cut(session, event, data, channel))

    async def emit_to(self, bot: Bot, event: str, data: Json) -> None:
        for session in list(self.sessions.values()):
            if session.bot is bot:
                await session.dispatch(event, data)

    def _present(self, bot: Bot, channel: Json) -> bool:
        if channel["type"] == DM:
            return bool(channel["bot"] == bot.id)
        return bot.id in self.world.guilds[channel["guild_id"]]["bots"]

    def _cut(self, session: Session, event: str, data: Json, channel: Json) -> Json:
        """Without the message content intent a bot sees words only where it is meant."""
        if not event.startswith("MESSAGE") or "content" not in data or session.intents & MESSAGE_CONTENT:
            return data
        meant = any(u["id"] == session.bot.id for u in data["mentions"])
        if channel["type"] == DM or meant or data["author"]["id"] == session.bot.id:
            return data
        return {**data, "content": "", "attachments": [], "embeds": [], "components": []}

    # the wire

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.refusals > 0:
            self.refusals -= 1
            return web.Response(status=503)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        line = Line(ws, request.query.get("compress") == "zlib-stream")
        await line.send({"op": HELLO, "d": {"heartbeat_interval": 41_250}})
        session: Session | None = None
        try:
            async for frame in ws:
                if frame.type is not WSMsgType.TEXT:
                    continue
                payload = json.loads(frame.data)
                if payload["op"] == HEARTBEAT:
                    await line.send({"op": ACK})
                elif payload["op"] == IDENTIFY:
                    session = await self._identify(line, payload["d"])
                elif payload["op"] == RESUME:
                    session = await self._resume(line, payload["d"])
                elif payload["op"] == MEMBERS:
                    await self._members(session, payload["d"])
        finally:
            if session is not None and session.line is line:
                session.line = None
        return ws

    async def _identify(self, line: Line, data: Json) -> Session | None:
        bot = self.world.bots.get(data["token"])
        if bot is None:
            await line.ws.close(code=4004)
            return None
        if data["intents"] & MESSAGE_CONTENT and not bot.content_intent:
            await line.ws.close(code=4014)
            return None
        session = Session(self.world.snowflake(), bot, data["intents"], line=line)
        self.sessions[session.id] = session
        guilds = [g for g in self.world.guilds.values() if bot.id in g["bots"]]
        ready = {
            "v": 10,
            "user": bot.user,
            "guilds": [{"id": g["id"], "unavailable": True} for g in guilds],
            "session_id": session.id,
            "resume_gateway_url": "wss://gateway.discord.gg",
            "application": {"id": bot.id, "flags": 1 << 18},
        }
        await session.dispatch("READY", ready)
        for guild in guilds:
            await session.dispatch("GUILD_CREATE", self.world.guild_create(guild, bot))
        self.identified += 1
        self.changed.set()
        return session

    async def _resume(self, line: Line, data: Json) -> Session | None:
        session = self.sessions.get(data["session_id"] or "")
        if session is None:
            await line.send({"op": INVALID, "d": False})
            return None
        session.line = line
        for payload in [p for p in session.sent if p["s"] > data["seq"]]:
            await line.send(payload)
        self.resumed += 1
        await session.dispatch("RESUMED", {"_trace": []})
        self.changed.set()
        return session

    async def _members(self, session: Session | None, data: Json) -> None:
        if session is not None:
            chunk = {"guild_id": data["guild_id"], "members": [], "chunk_index": 0, "chunk_count": 1}
            await session.dispatch("GUILD_MEMBERS_CHUNK", {**chunk, "nonce": data.get("nonce")})
