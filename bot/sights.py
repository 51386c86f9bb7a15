"""Pictures of a message on their way in, and the notes that blind models need."""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from agent.errors import GoneError, PictureError
from agent.picture import Note, Picture
from bot.events import Attachment, Incoming
from bot.house import House
from bot.platforms.base import ReadsAgain
from journal import pictures, turns

log = logging.getLogger(__name__)


class Sights:
    def __init__(self, house: House) -> None:
        self._house = house
        self._looks: dict[str, asyncio.Task[Note]] = {}

    async def take(self, message: Incoming) -> tuple[list[Picture], list[str]]:
        """All pictures a message shows: its own, then those of the message it replies to or quotes, without
        doubles; and in words what could not be taken."""
        found: dict[str, Picture] = {}
        problems: list[str] = []
        again = _Again(self._house, message)
        for attachment in (*message.attachments, *message.quoted):
            if len(found) >= self._house.per_turn:
                problems.append(f"Only the first {self._house.per_turn} pictures of a message are looked at.")
                break
            try:
                picture = await self._one(attachment, again)
            except PictureError as error:
                why = f"{error.what}. {error.mend}".rstrip()
                problems.append(f"{attachment.filename or 'A picture'} could not be taken in: {why}")
                log.info("picture %s refused: %s", attachment.filename, error)
                continue
            found.setdefault(picture.sha256, picture)
        if message.reply_to:
            for picture in await self._of_turn(message.place.platform, message.reply_to):
                found.setdefault(picture.sha256, picture)
        return list(found.values())[: self._house.per_turn], problems

    async def _one(self, attachment: Attachment, again: "_Again") -> Picture:
        if attachment.sha256:
            async with self._house.journal.read() as tx:
                known = await pictures.get(tx, attachment.sha256, self._house.pictures)
            if known is None:
                raise PictureError("it is not in the journal", mend="send the picture again")
            return known
        try:
            data = await self._house.fetcher.get(attachment.url)
        except GoneError:
            fresh = await again.address(attachment.url)
            if not fresh:
                raise
            data = await self._house.fetcher.get(fresh)
        picture = await self._house.intake.take(data, filename=attachment.filename)
        async with self._house.journal.write() as tx:
            await pictures.add(tx, picture, source=attachment.filename)
        return picture

    async def _of_turn(self, platform: str, message_id: str) -> list[Picture]:
        async with self._house.journal.read() as tx:
            turn = await turns.by_message(tx, platform, message_id)
            found = (
                [await pictures.get(tx, sha, self._house.pictures) for sha in turn.pictures] if turn else []
            )
        return [p for p in found if p]

    async def notes(self, shown: Sequence[Picture], *, sees: bool, pixels: int) -> dict[str, Note]:
        """Notes by picture hash. Made by the eyes where there are none and the model will get none of the
        pixels; people's and models' notes are always passed on."""
        blind = {p.sha256 for p in (shown[:-pixels] if sees and pixels else shown)}
        notes: dict[str, Note] = {}
        for picture in shown:
            async with self._house.journal.read() as tx:
                note = await pictures.best_note(tx, picture.sha256)
            if note is None and picture.sha256 in blind:
                note = await self._look(picture)
            if note is not None:
                notes[picture.sha256] = note
        return notes

    async def _look(self, picture: Picture) -> Note | None:
        """One look a picture, however many channels wait for it."""
        task = self._looks.get(picture.sha256)
        if task is None:
            task = asyncio.create_task(self._look_once(picture))
            self._looks[picture.sha256] = task
            task.add_done_callback(lambda _: self._looks.pop(picture.sha256, None))
        try:
            return await asyncio.shield(task)
        except PictureError as error:
            log.warning("no note on %s: %s", picture.sha256[:12], error)
            return None

    async def _look_once(self, picture: Picture) -> Note:
        note = await self._house.eyes.look(picture)
        async with self._house.journal.write() as tx:
            await pictures.add_note(tx, picture.sha256, note)
        return note


class _Again:
    """The message as it stands now, read once when one of its addresses has died."""

    def __init__(self, house: House, message: Incoming) -> None:
        self._house, self._message = house, message
        self._addresses: dict[str, str] | None = None

    async def address(self, dead: str) -> str:
        """Another address of the same file: what differs behind the question mark is how long it is good. Empty where
        there is none."""
        if self._addresses is None:
            platform = self._house.platform(self._message.place)
            now = await platform.again(self._message) if isinstance(platform, ReadsAgain) else None
            shown = (*now.attachments, *now.quoted) if now is not None else ()
            self._addresses = {a.url.partition("?")[0]: a.url for a in shown}
        fresh = self._addresses.get(dead.partition("?")[0], "")
        return "" if fresh == dead else fresh


def shown_in(turns_: Iterable[Sequence[Picture]]) -> list[Picture]:
    """The pictures of some turns, each once, in the order in which they were last shown: the prompt's."""
    latest: dict[str, Picture] = {}
    for picture in (p for pictures_ in turns_ for p in pictures_):
        latest.pop(picture.sha256, None)
        latest[picture.sha256] = picture
    return list(latest.values())


class Shelf:
    """Takes in bytes that came with a request itself, and notes them in the journal at once."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def take(self, data: bytes, *, filename: str = "") -> Picture:
        """Raises PictureError."""
        picture = await self._house.intake.take(data, filename=filename)
        async with self._house.journal.write() as tx:
            await pictures.add(tx, picture, source=filename)
        return picture
