"""Bringing a backup back: checked whole before anything is replaced, and replaced in one transaction."""

import asyncio
import json
import re
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from agent.errors import JournalError
from journal import consent, dump
from journal.backup import FORMAT, read_sidecar
from journal.journal import Journal

_TABLE = re.compile(r"tables/[a-z_]+\.jsonl")
_PICTURE = re.compile(r"pictures/([0-9a-f]{2})/(\1[0-9a-f]{62})\.(png|jpg)")
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Restored:
    """Rows by table, picture files put in place, turns that were forgotten again, and the hashes of pictures
    in the backup whose bytes were damaged (left out)."""

    rows: dict[str, int]
    pictures: int
    forgotten: int
    damaged: tuple[str, ...]


async def restore(
    journal: Journal,
    pictures: Path,
    source: Path,
    *,
    replace: bool = False,
    progress: Progress | None = None,
) -> Restored:
    """Puts a backup in the place of what the journal holds, which must be nothing unless `replace`.

    Whoever asked to be forgotten stays forgotten: tombstones of the journal that is replaced, and those
    beside the backup, are kept and applied. Raises JournalError for a file that is no whole backup (then
    nothing is changed).
    """
    with tempfile.TemporaryDirectory(prefix="vignette-restore-") as scratch:
        folder = Path(scratch)
        manifest = await asyncio.to_thread(_unpack_tables, source, folder)
        beside = await asyncio.to_thread(read_sidecar, source.parent)
        async with journal.write(long=True) as tx:
            if not replace and not await dump.is_empty(tx):
                raise JournalError(
                    "the journal is not empty",
                    mend="back it up, then say --replace to put the backup in its place",
                )
            stones = [*await consent.tombstones(tx), *beside]
            try:
                await dump.load(tx, folder, str(manifest["schema"]), progress)
            except DBAPIError as error:
                raise JournalError(
                    f"the backup's rows do not fit together: {error.orig}",
                    where=str(source),
                    mend="take another",
                ) from error
            for stone in stones:
                await consent.keep_tombstone(tx, stone)
            gone = await consent.apply_tombstones(tx)
            wanted = {str(row[0]) for row in await tx.exec_driver_sql("SELECT sha256 FROM pictures")}
            # Before the rows are kept: a row without its file would be worse than a file without its row.
            placed, damaged = await asyncio.to_thread(_place_pictures, source, pictures, wanted, progress)
        await journal.compact()
    return Restored(manifest["rows"], placed, gone, tuple(damaged))


def _unpack_tables(source: Path, folder: Path) -> dict[str, Any]:
    """Tables into the folder, each checked against the manifest, which is returned."""
    manifest: dict[str, Any] = {}
    try:
        with tarfile.open(source, "r:gz") as archive:
            for entry in archive:
                if entry.name == "manifest.json" and entry.isfile():
                    manifest = json.loads(_read(archive, entry))
                elif _TABLE.fullmatch(entry.name) and entry.isfile():
                    (folder / Path(entry.name).name).write_bytes(_read(archive, entry))
    except (OSError, EOFError, tarfile.TarError, zlib.error, ValueError) as error:
        raise _broken(source, str(error) or "it is cut off") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _broken(source, "it has no manifest that this version understands")
    for name, wanted in manifest["sha256"].items():
        path = folder / f"{name}.jsonl"
        if not path.is_file():
            raise _broken(source, f"the table {name} is missing")
        with path.open("rb") as file:
            if file_digest(file, "sha256").hexdigest() != wanted:
                raise _broken(source, f"the table {name} is not what was backed up")
    return manifest


def _place_pictures(
    source: Path, folder: Path, wanted: set[str], progress: Progress | None
) -> tuple[int, list[str]]:
    """Writes the wanted pictures whose bytes match their hash; returns how many, and the damaged ones."""
    placed, damaged = 0, []
    with tarfile.open(source, "r:gz") as archive:
        for entry in archive:
            name = _PICTURE.fullmatch(entry.name)
            if name is None or not entry.isfile() or name[2] not in wanted:
                continue
            data = _read(archive, entry)
            if sha256(data).hexdigest() != name[2]:
                damaged.append(name[2])
                continue
            path = folder / name[1] / f"{name[2]}.{name[3]}"
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_bytes(data)
            partial.replace(path)
            placed += 1
            if progress:
                progress("pictures restored", placed)
    return placed, damaged


def _read(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(entry)
    return file.read() if file else b""


def _broken(source: Path, why: str) -> JournalError:
    return JournalError(f"this is no whole backup: {why}", where=str(source), mend="take another backup")
