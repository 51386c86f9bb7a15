"""What the journal knows about pictures: their measures and their notes. Their bytes are files, by hash."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.picture import Maker, Note, Picture
from journal.ids import new_id
from journal.schema import notes as _notes
from journal.schema import pictures
from journal.sql import insert_new
from journal.types import now

SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg"}
_GET = select(pictures).where(pictures.c.sha256 == bindparam("sha256"))
_NOTES = select(_notes).where(_notes.c.sha256 == bindparam("sha256")).order_by(_notes.c.id.desc())
_TRUST = (Maker.PERSON, Maker.MODEL, Maker.EYES)


@dataclass(frozen=True)
class Alike:
    """A picture whose perceptual hash differs in `distance` of 64 bits."""

    sha256: str
    distance: int


def file_of(folder: Path, sha256: str, mime: str) -> Path:
    """Where a picture's bytes lie."""
    return folder / sha256[:2] / f"{sha256}{SUFFIXES.get(mime, '.png')}"


async def add(tx: AsyncConnection, picture: Picture, *, source: str = "") -> bool:
    """Makes a picture known; False where it is already (then it counts as brought anew, which keeps it from
    being pruned before a turn shows it). `source` says where it first came from."""
    fresh = await insert_new(
        tx,
        pictures,
        sha256=picture.sha256,
        mime=picture.mime,
        width=picture.width,
        height=picture.height,
        phash=picture.phash,
        frames=picture.frames,
        source=source,
        added_at=now(),
    )
    if not fresh:
        await tx.execute(update(pictures).where(pictures.c.sha256 == picture.sha256).values(added_at=now()))
    return fresh


async def get(tx: AsyncConnection, sha256: str, folder: Path) -> Picture | None:
    row = (await tx.execute(_GET, {"sha256": sha256})).first()
    if row is None:
        return None
    path = file_of(folder, row.sha256, row.mime)
    return Picture(row.sha256, path, row.mime, row.width, row.height, row.phash, row.frames)


async def add_note(tx: AsyncConnection, sha256: str, note: Note) -> bool:
    """Keeps a note on a picture that is known; False where just this note is there already."""
    same = select(_notes.c.id).where(
        _notes.c.sha256 == sha256,
        _notes.c.text == note.text,
        _notes.c.maker == note.maker.value,
        _notes.c.version == note.version,
    )
    if (await tx.execute(same)).first() is not None:
        return False
    values = {"text": note.text, "maker": note.maker.value, "version": note.version, "sure": note.sure}
    await tx.execute(_notes.insert().values(id=new_id(), sha256=sha256, made_at=now(), **values))
    return True


async def notes(tx: AsyncConnection, sha256: str) -> list[Note]:
    """A picture's notes, newest first."""
    rows = await tx.execute(_NOTES, {"sha256": sha256})
    return [Note(row.text, Maker(row.maker), row.version, row.sure) for row in rows]


async def best_note(tx: AsyncConnection, sha256: str) -> Note | None:
    """The note to believe: a person's before a model's before the eyes', the newest of each."""
    ranked = sorted(await notes(tx, sha256), key=lambda note: _TRUST.index(note.maker))
    return ranked[0] if ranked else None


async def similar(tx: AsyncConnection, phash: str, distance: int) -> list[Alike]:
    """Pictures whose perceptual hash is within `distance` bits, nearest first. Compares with every picture
    there is (about a tenth of a second for 100,000)."""
    wanted = int(phash, 16)
    found = []
    for sha256, other in await tx.execute(select(pictures.c.sha256, pictures.c.phash)):
        apart = (wanted ^ int(other or "0", 16)).bit_count() if other else 65
        if apart <= distance:
            found.append(Alike(sha256, apart))
    return sorted(found, key=lambda alike: (alike.distance, alike.sha256))


def unlink(folder: Path, hashes: Iterable[str]) -> int:
    """Deletes the files of pictures that the journal no longer knows; says how many there were. Blocking."""
    gone = 0
    for sha256 in hashes:
        for mime in SUFFIXES:
            path = file_of(folder, sha256, mime)
            if path.is_file():
                path.unlink(missing_ok=True)
                gone += 1
    return gone
