"""Multipart bodies: one JSON part named `body`, then pictures. Read under limits, never onto disk."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import BodyPartReader, web

from agent.picture import Picture
from agent.settings import IntakeSettings
from bot.platforms.web.needs import TakesPictures
from bot.platforms.web.wire import MAX_JSON, B, Refused, parse

SECONDS = 120.0  # for a whole upload: a phone on a slow line, but not for ever


async def read_body(
    request: web.Request, kind: type[B], intake: TakesPictures, limits: IntakeSettings
) -> tuple[B, list[Picture]]:
    """The checked body and the pictures taken in, in order. JSON alone is fine too.

    Raises Refused for a broken, too large or too slow request, PictureError for bytes that are no picture.
    """
    try:
        async with asyncio.timeout(SECONDS):
            if request.content_type == "application/json":
                return parse(kind, await _limited(request.content.iter_chunked(65_536), MAX_JSON)), []
            if request.content_type == "multipart/form-data":
                return await _parts(request, kind, intake, limits)
    except TimeoutError:
        raise Refused(408, "the upload took too long") from None
    raise Refused(415, "send JSON or a form with pictures")


async def _parts(
    request: web.Request, kind: type[B], intake: TakesPictures, limits: IntakeSettings
) -> tuple[B, list[Picture]]:
    body: B | None = None
    pictures: list[Picture] = []
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise Refused(400, "a form within a form is not accepted")
            if body is None:
                if part.name != "body":
                    raise Refused(400, "the first part must be named body")
                body = parse(kind, await _limited(_chunks(part), MAX_JSON))
                continue
            if part.name != "picture":
                raise Refused(400, "further parts must be named picture")
            if len(pictures) == limits.per_turn:
                raise Refused(413, f"a message takes at most {limits.per_turn} pictures")
            data = await _limited(_chunks(part), limits.max_bytes)
            pictures.append(await intake.take(data, filename=(part.filename or "")[:200]))
    except (ValueError, AssertionError) as error:  # what aiohttp raises for broken boundaries and headers
        raise Refused(400, "the form is broken") from error
    if body is None:
        raise Refused(400, "the form is empty")
    return body, pictures


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(65_536):
        yield chunk


async def _limited(chunks: AsyncIterator[bytes], most: int) -> bytes:
    """All of it; Refused 413 as soon as it is more than `most` bytes."""
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) > most:
            raise Refused(413, f"that is larger than {most:,} bytes", mend="send a smaller picture")
    return bytes(data)
