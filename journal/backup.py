"""Backups: one .tar.gz with the tables (as portable JSON lines) and the pictures.

A backup is taken while the journal is in use, and restores into either database. Beside the backups lies
`tombstones.jsonl`: everyone who asked to be forgotten up to the last backup, so that an older backup does not
bring them back.
"""

import asyncio
import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from agent.errors import JournalError
from journal import consent, dump
from journal.consent import Tombstone
from journal.journal import Journal
from journal.pictures import file_of
from journal.schema import HEAD, metadata
from journal.types import now

FORMAT = 1
SIDECAR = "tombstones.jsonl"
Progress = Callable[[str, int], None]


async def backup(
    journal: Journal, pictures: Path, target: Path, progress: Progress | None = None
) -> dict[str, Any]:
    """Writes a backup to `target`, which must not exist, and returns its manifest. Nothing stands there until
    it is whole. Raises JournalError where it cannot be written. `progress` is told (part, count)."""
    await asyncio.to_thread(_make_room, target)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as scratch:
        folder = Path(scratch)
        async with journal.read(long=True) as tx:
            counts = await dump.write(tx, folder, progress)
            stones = await consent.tombstones(tx)
        manifest = {
            "format": FORMAT,
            "schema": HEAD,
            "made_at": now().isoformat(),
            "rows": counts,
            "sha256": {name: _sha256(folder / f"{name}.jsonl") for name in counts},
        }
        files = await asyncio.to_thread(_shown, folder / "pictures.jsonl", pictures)
        manifest["pictures"] = len(files)
        partial = folder / "partial"
        try:
            await asyncio.to_thread(_pack, partial, folder, manifest, files, progress)
            os.link(partial, target)  # unlike a rename, never overwrites
        except OSError as error:
            raise JournalError(
                f"the backup cannot be written ({error.strerror})", where=str(target), mend="free some space"
            ) from error
        write_sidecar(target.parent, stones)
    return manifest


def read_sidecar(folder: Path) -> list[Tombstone]:
    """The tombstones that lie beside backups in this folder."""
    path = folder / SIDECAR
    if not path.exists():
        return []
    try:
        return [_stone(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (ValueError, KeyError, TypeError) as error:
        raise JournalError(
            "the tombstones beside the backups cannot be read, and without them people who asked to be "
            "forgotten would come back",
            where=str(path),
            mend="put a sound copy there; remove the file only if nobody was ever forgotten",
        ) from error


def write_sidecar(folder: Path, stones: Iterable[Tombstone]) -> None:
    """Adds tombstones to those beside the backups."""
    known = {stone.id: stone for stone in [*read_sidecar(folder), *stones]}
    if not known:
        return
    lines = [json.dumps(asdict(stone) | {"at": stone.at.isoformat()}) for stone in known.values()]
    partial = folder / f".{SIDECAR}.partial"
    with partial.open("w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / SIDECAR)


def _make_room(target: Path) -> None:
    if target.exists():
        raise JournalError("there is a file of this name", where=str(target), mend="choose another name")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(
            f"its folder cannot be made ({error.strerror})", where=str(target), mend="choose another folder"
        ) from error


def _stone(values: dict[str, Any]) -> Tombstone:
    lists = {name: tuple(values[name]) for name in ("turns", "answers", "pictures")}
    return Tombstone(**(values | lists | {"at": datetime.fromisoformat(values["at"])}))


def _shown(table: Path, folder: Path) -> list[Path]:
    """The files of the pictures in a dumped table; missing ones are left to `verify` to name."""
    rows = (json.loads(line) for line in table.read_text(encoding="utf-8").splitlines())
    paths = (file_of(folder, row["sha256"], row["mime"]) for row in rows)
    return [path for path in paths if path.is_file()]


def _pack(
    target: Path, folder: Path, manifest: dict[str, Any], files: list[Path], progress: Progress | None
) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        # Pictures are compressed already: little effort gets nearly all there is to get.
        with tarfile.open(fileobj=raw, mode="w:gz", compresslevel=2) as archive:
            words = json.dumps(manifest, indent=1).encode()
            entry = tarfile.TarInfo("manifest.json")
            entry.size = len(words)
            archive.addfile(entry, BytesIO(words))
            for table in metadata.sorted_tables:
                archive.add(folder / f"{table.name}.jsonl", arcname=f"tables/{table.name}.jsonl")
            for number, path in enumerate(files, 1):
                archive.add(path, arcname=f"pictures/{path.parent.name}/{path.name}")
                if progress:
                    progress("pictures packed", number)
        raw.flush()
        os.fsync(raw.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
