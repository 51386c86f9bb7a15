"""Characters' faces at an address Discord can show: each is kept once as an emoji of our own application."""

import asyncio
import hashlib
import io
import logging
import re
from collections.abc import Callable

import aiohttp
import discord

log = logging.getLogger(__name__)

EMOJI_BYTES = 256 * 1024
EMOJI_SIDE = 128  # pixels: what Discord shows an emoji at, at most


class Faces:
    """`read` gives a character's face as PNG bytes. Without a face, or where Discord refuses, a character
    speaks with the webhook's own."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._urls: dict[str, str] = {}
        self._refused: set[str] = set()  # whose face Discord does not take; asked again after the next start
        self._known: dict[str, str] | None = None
        self._lock = asyncio.Lock()

    async def url(self, client: discord.Client, character_id: str) -> str | None:
        """The address of a character's face, uploaded when first needed."""
        async with self._lock:
            if character_id in self._refused:
                return None
            if character_id not in self._urls:
                try:
                    self._urls[character_id] = await self._find(client, character_id)
                except (
                    discord.DiscordException,
                    aiohttp.ClientError,
                    OSError,
                    ValueError,
                    LookupError,
                ) as error:
                    log.warning("no face for %s on Discord: %s", character_id, error)
                    if isinstance(error, discord.HTTPException) and error.status == 400:
                        self._refused.add(character_id)
                    return None
            return self._urls[character_id]

    async def _find(self, client: discord.Client, character_id: str) -> str:
        face = await asyncio.to_thread(self._read, character_id)
        name = emoji_name(character_id, face)
        if self._known is None:
            self._known = {e.name: e.url for e in await client.fetch_application_emojis()}
        if name not in self._known:
            image = await asyncio.to_thread(fitting, face)
            made = await client.create_application_emoji(name=name, image=image)
            self._known[name] = made.url
        return self._known[name]


def emoji_name(character_id: str, face: bytes) -> str:
    """At most 32 letters, digits and underscores; another face has another name."""
    readable = re.sub(r"[^a-z0-9]+", "_", character_id.lower()).strip("_")[:16]
    return f"{readable or 'face'}_{hashlib.sha256(face).hexdigest()[:14]}"


def fitting(face: bytes) -> bytes:
    """The face within Discord's limit for emojis, scaled down where it is larger."""
    if len(face) <= EMOJI_BYTES:
        return face
    from PIL import Image

    with Image.open(io.BytesIO(face)) as image:
        small = image.convert("RGBA")
        small.thumbnail((EMOJI_SIDE, EMOJI_SIDE))
        out = io.BytesIO()
        small.save(out, "PNG")
    return out.getvalue()
