"""Discord's objects into the bot's events. Translation only: nothing is decided here."""

import re
from collections.abc import Iterable, Mapping

import discord

from bot.events import Attachment, Author, Incoming, Place

NAME = "discord"
_PICTURE = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".heic", ".heif", ".avif", ".bmp")
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_CHANNEL = re.compile(r"<#(\d+)>")
_EMOJI = re.compile(r"<a?(:\w+:)\d+>")
SPOKEN = (discord.MessageType.default, discord.MessageType.reply)


def place_of(channel: object, guild: discord.Guild | None = None, channel_id: int = 0) -> Place:
    """A Place; for channels that are not in the cache only its ids are known."""
    identity = str(getattr(channel, "id", channel_id))
    guild = getattr(channel, "guild", None) or guild
    if isinstance(channel, discord.DMChannel | discord.GroupChannel) or guild is None:
        return Place(NAME, identity, private=True)
    parent = ""
    adult = bool(getattr(channel, "nsfw", False))
    if isinstance(channel, discord.Thread):
        parent = str(channel.parent_id)
        adult = channel.parent is not None and channel.parent.is_nsfw()
    name = str(getattr(channel, "name", None) or "")
    return Place(NAME, identity, name, parent, str(guild.id), adult=adult)


def author_of(user: discord.User | discord.Member, *, manager: bool = False) -> Author:
    return Author(NAME, str(user.id), user.display_name, manager)


def manages(user: object, channel: object) -> bool:
    """Has the person Manage Channels there? In direct messages everybody has."""
    if isinstance(channel, discord.DMChannel):
        return True
    if not isinstance(user, discord.Member):
        return False
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return user.guild_permissions.manage_channels
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return channel.permissions_for(user).manage_channels
    return user.guild_permissions.manage_channels


def words_of(message: discord.Message, silent: frozenset[int] = frozenset()) -> str:
    """The text with mentions as names; mentions of users in `silent` (the bot as such) are left out."""
    names = {u.id: u.display_name for u in message.mentions}

    def user(found: re.Match[str]) -> str:
        identity = int(found[1])
        return "" if identity in silent else f"@{names.get(identity, 'someone')}"

    def role(found: re.Match[str]) -> str:
        known = message.guild.get_role(int(found[1])) if message.guild else None
        return f"@{known.name}" if known else "@role"

    def channel(found: re.Match[str]) -> str:
        known = message.guild.get_channel_or_thread(int(found[1])) if message.guild else None
        return f"#{known.name}" if known else "#channel"

    text = _USER.sub(user, message.content)
    return _EMOJI.sub(r"\1", _CHANNEL.sub(channel, _ROLE.sub(role, text))).strip()


def pictures_of(message: discord.Message | discord.MessageSnapshot) -> tuple[Attachment, ...]:
    """Attached pictures, pictures of embeds, and stickers that are pictures."""
    found = list(attached(message.attachments))
    for embed in message.embeds:
        for media in (embed.image, embed.thumbnail):
            url = media.proxy_url or media.url
            if url:
                found.append(Attachment(url, filename=_last_part(url)))
                break
    for sticker in message.stickers:
        if sticker.format is not discord.StickerFormatType.lottie:
            found.append(Attachment(sticker.url, filename=f"{sticker.name}.{sticker.format.file_extension}"))
    return tuple(found)


def attached(files: Iterable[discord.Attachment]) -> tuple[Attachment, ...]:
    return tuple(Attachment(f.url, filename=f.filename, size=f.size) for f in files if _is_picture(f))


def _is_picture(file: discord.Attachment) -> bool:
    kind = file.content_type or ""
    return kind.startswith("image/") or file.filename.lower().endswith(_PICTURE)


def _last_part(url: str) -> str:
    return url.split("?", 1)[0].rsplit("/", 1)[-1][:100]


def quoted_pictures(message: discord.Message, original: discord.Message | None) -> tuple[Attachment, ...]:
    """Pictures of what a message replies to, and of what it forwards."""
    found = pictures_of(original) if original is not None else ()
    for snapshot in message.message_snapshots:
        found += pictures_of(snapshot)
    return found


def replied_to(message: discord.Message) -> str:
    """The id of the message this one answers, empty if none (a forward answers nothing)."""
    reference = message.reference
    if message.type is not discord.MessageType.reply or reference is None or reference.message_id is None:
        return ""
    return str(reference.message_id)


def incoming_of(
    message: discord.Message,
    *,
    original: discord.Message | None,
    author: Author,
    bot: int,
    characters: Mapping[int, str],
    place: Place,
) -> Incoming:
    """A person's message. `bot` is the main account's user id, `characters` the user ids of characters' own
    accounts with the characters' ids."""
    meant = {user.id for user in message.mentions}
    for role in message.role_mentions:
        if role.tags is not None and role.tags.bot_id is not None:
            meant.add(role.tags.bot_id)
    text = words_of(message, frozenset({bot} - set(characters)))
    forwarded = "\n".join(f"> {line}" for s in message.message_snapshots for line in s.content.splitlines())
    return Incoming(
        place=place,
        author=author,
        id=str(message.id),
        text="\n".join(part for part in (text, forwarded) if part),
        attachments=pictures_of(message),
        reply_to=replied_to(message),
        quoted=quoted_pictures(message, original),
        addressed=tuple(characters[i] for i in sorted(meant) if i in characters),
        mentions_bot=bot in meant,
        at=message.created_at,
    )
