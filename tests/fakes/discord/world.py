"""What exists on the loopback Discord: bots, users, guilds, channels, messages, as Discord's own JSON."""

import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

EPOCH_MS = 1_420_070_400_000
TEXT, DM, PUBLIC_THREAD, FORUM = 0, 1, 11, 15

PERMISSIONS = {
    "manage_channels": 1 << 4,
    "add_reactions": 1 << 6,
    "view_channel": 1 << 10,
    "send_messages": 1 << 11,
    "manage_messages": 1 << 13,
    "embed_links": 1 << 14,
    "attach_files": 1 << 15,
    "read_message_history": 1 << 16,
    "manage_webhooks": 1 << 29,
    "send_messages_in_threads": 1 << 38,
}
EVERYONE = sum(PERMISSIONS[p] for p in PERMISSIONS if not p.startswith("manage"))
MESSAGE_CONTENT = 1 << 15


@dataclass
class Bot:
    """A bot account and its application (same id). `content_intent` False: identifying with the message
    content intent is refused with 4014, as in the developer portal's default."""

    id: str
    token: str
    user: Json
    content_intent: bool = True
    registered: dict[str, list[Json]] = field(default_factory=dict)  # by server; those for all by ""
    command_syncs: int = 0
    emojis: list[Json] = field(default_factory=list)

    @property
    def commands(self) -> list[Json]:
        """All that a person is shown: one that is registered twice stands twice."""
        return [command for some in self.registered.values() for command in some]


@dataclass(frozen=True)
class Seen:
    """A message as a person sees it. `versions` are all contents it has had, oldest first."""

    id: str
    author: str
    content: str
    versions: tuple[str, ...]
    attachments: tuple[str, ...]
    webhook: bool
    author_id: str
    avatar: str
    reply_to: str
    mentions_allowed: bool


class World:
    """All state, and the payloads made of it. Knows nothing of HTTP."""

    def __init__(self) -> None:
        self._count = itertools.count(1)
        self.bots: dict[str, Bot] = {}
        self.users: dict[str, Json] = {}
        self.guilds: dict[str, Json] = {}
        self.channels: dict[str, Json] = {}
        self.messages: dict[str, dict[str, Json]] = {}
        self.versions: dict[str, list[str]] = {}
        self.webhooks: dict[str, Json] = {}
        self.files: dict[str, tuple[str, bytes]] = {}
        self.expired: set[str] = set()  # paths with their queries
        self.denied: dict[tuple[str, str], int] = {}
        self.managers: set[str] = set()
        self.nonces: dict[tuple[str, str], str] = {}

    def snowflake(self) -> str:
        """Unique and rising with time, as Discord's are."""
        ms = int(time.time() * 1000) - EPOCH_MS
        return str((ms << 22) + next(self._count) % (1 << 22))

    # people and places

    def user(self, identity: str, name: str) -> Json:
        """A user as a message's author has it, with all that the description demands."""
        return {
            "id": identity,
            "username": name,
            "global_name": None,
            "discriminator": "0",
            "avatar": None,
            "public_flags": 0,
            "flags": 0,
            "primary_guild": None,
        }

    def add_user(self, name: str, *, bot: bool = False) -> Json:
        user = self.user(self.snowflake(), name.lower().replace(" ", "_"))
        user |= {"global_name": name, "bot": bot}
        self.users[user["id"]] = user
        return user

    def add_bot(self, name: str, token: str, content_intent: bool) -> Bot:
        user = self.add_user(name, bot=True)
        bot = Bot(user["id"], token, user, content_intent)
        self.bots[token] = bot
        return bot

    def add_guild(self, name: str) -> Json:
        identity = self.snowflake()
        manager, speaker = self.snowflake(), self.snowflake()
        manage = EVERYONE | PERMISSIONS["manage_channels"]
        guild = {
            "id": identity,
            "name": name,
            "owner_id": "1",
            "roles": [
                _role(identity, "@everyone", EVERYONE, 0),
                _role(manager, "managers", manage, 1),
                _role(speaker, "bots", EVERYONE | PERMISSIONS["manage_webhooks"], 2),
            ],
            "bots": [bot.id for bot in self.bots.values()],
        }
        self.guilds[identity] = guild
        return guild

    def add_channel(self, kind: int, name: str, **more: Any) -> Json:
        channel: Json = {
            "id": self.snowflake(),
            "type": kind,
            "name": name,
            "position": 0,
            "nsfw": False,
            "topic": None,
            "permission_overwrites": [],
            "last_message_id": None,
            "rate_limit_per_user": 0,
            "parent_id": None,
            "flags": 0,
            **more,
        }
        self.channels[channel["id"]] = channel
        self.messages[channel["id"]] = {}
        return channel

    def add_thread(self, parent: Json, name: str, identity: str = "") -> Json:
        now = datetime.now(UTC).isoformat()
        thread = self.add_channel(
            PUBLIC_THREAD,
            name,
            guild_id=parent["guild_id"],
            owner_id="1",
            message_count=0,
            total_message_sent=0,
            member_count=1,
            thread_metadata={
                "archived": False,
                "auto_archive_duration": 1440,
                "archive_timestamp": now,
                "create_timestamp": now,
                "locked": False,
            },
        )
        thread["parent_id"] = parent["id"]
        if identity:  # a forum post has the id of its first message
            self.channels[identity] = self.channels.pop(thread["id"])
            self.messages[identity] = self.messages.pop(thread["id"])
            thread["id"] = identity
        return thread

    def add_webhook(self, channel: Json, maker: Json, name: str, application: str | None) -> Json:
        identity = self.snowflake()
        webhook: Json = {
            "id": identity,
            "type": 1,
            "name": name,
            "avatar": None,
            "channel_id": channel["id"],
            "guild_id": channel["guild_id"],
            "application_id": application,
            "user": maker,
            "token": f"{identity}-" + "k" * 60,
        }
        self.webhooks[identity] = webhook
        return webhook

    # payloads

    def member(self, guild: Json, user: Json) -> Json:
        roles = []
        if user["id"] in self.managers:
            roles.append(guild["roles"][1]["id"])
        if user["bot"]:
            roles.append(guild["roles"][2]["id"])
        return {"roles": roles, "nick": None, "joined_at": _now(), "deaf": False, "mute": False, "flags": 0}

    def guild_create(self, guild: Json, bot: Bot) -> Json:
        members = [{**self.member(guild, u), "user": u} for u in self.users.values() if u["bot"]]
        inside = [c for c in self.channels.values() if c.get("guild_id") == guild["id"]]
        return {
            "id": guild["id"],
            "name": guild["name"],
            "owner_id": guild["owner_id"],
            "roles": guild["roles"],
            "members": [m for m in members if m["user"]["id"] in guild["bots"]],
            "member_count": 2,
            "channels": [c for c in inside if c["type"] != PUBLIC_THREAD],
            "threads": [c for c in inside if c["type"] == PUBLIC_THREAD],
            "unavailable": False,
            **{
                key: []
                for key in ("emojis", "stickers", "features", "presences", "voice_states", "stage_instances")
            },
        }

    def permissions(self, channel: Json, user_id: str) -> int:
        """What a user may do there; direct messages allow all."""
        if channel["type"] == DM:
            return EVERYONE | PERMISSIONS["manage_channels"]
        allowed = EVERYONE
        if user_id in self.managers:
            allowed |= PERMISSIONS["manage_channels"]
        if self.users[user_id]["bot"]:
            allowed |= PERMISSIONS["manage_webhooks"]
        place = channel["parent_id"] if channel["type"] == PUBLIC_THREAD else channel["id"]
        return allowed & ~self.denied.get((place, user_id), 0)

    # messages

    def message(self, channel: Json, author: Json, content: str, **more: Any) -> Json:
        """A new message, stored. `more` overrides fields."""
        payload: Json = {
            "id": self.snowflake(),
            "type": 0,
            "channel_id": channel["id"],
            "author": author,
            "content": content,
            "timestamp": _now(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [u for u in self.users.values() if f"<@{u['id']}>" in content],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "reactions": [],
            "pinned": False,
            "flags": 0,
            "components": [],
            **more,
        }
        self.messages[channel["id"]][payload["id"]] = payload
        self.versions[payload["id"]] = [content]
        channel["last_message_id"] = payload["id"]
        return payload

    def attach(self, channel: Json, filename: str, data: bytes) -> Json:
        identity = self.snowflake()
        path = f"attachments/{channel['id']}/{identity}/{filename}"
        mime = sniff(data)
        self.files[path] = (mime, data)
        url = f"https://cdn.discordapp.com/{path}"
        return {
            "id": identity,
            "filename": filename,
            "size": len(data),
            "url": url + "?ex=1&is=2&hm=3",
            "proxy_url": url.replace("cdn.discordapp.com", "media.discordapp.net"),
            "content_type": mime,
        }

    def expire(self, message: Json) -> None:
        """Its attachments' addresses are good no longer; whoever reads the message again gets new ones."""
        for attachment in message["attachments"]:
            path, _, signed = attachment["url"].partition("?")
            self.expired.add(attachment["url"].removeprefix("https://cdn.discordapp.com"))
            attachment["url"] = f"{path}?again=1&{signed}"

    def seen(self, channel_id: str) -> list[Seen]:
        return [self._seen(m) for m in self.messages[channel_id].values()]

    def _seen(self, message: Json) -> Seen:
        author = message["author"]
        return Seen(
            id=message["id"],
            author=author.get("global_name") or author["username"],
            content=message["content"],
            versions=tuple(self.versions[message["id"]]),
            attachments=tuple(a["filename"] for a in message["attachments"]),
            webhook="webhook_id" in message,
            author_id=author["id"],
            avatar=message.get("_avatar_url", ""),
            reply_to=str((message.get("message_reference") or {}).get("message_id", "")),
            mentions_allowed=message.get("_mentions_allowed", True),
        )


def _role(identity: str, name: str, permissions: int, position: int) -> Json:
    return {
        "id": identity,
        "name": name,
        "permissions": str(permissions),
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "icon": None,
        "unicode_emoji": None,
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()


def public(message: Json) -> Json:
    """The message without our own notes on it."""
    return {k: v for k, v in message.items() if not k.startswith("_")}


def sniff(data: bytes) -> str:
    heads = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
    return next((mime for head, mime in heads.items() if data.startswith(head)), "application/octet-stream")
