"""Intake: bytes from outside become Pictures, decoded under limits, drawn anew, stored by their hash.

    folder/ab/abcdef....png

Decoding runs in a child process of ours (agent.child): a decoder that hangs, crashes or eats memory takes
that child down, never the bot.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import tempfile
import time
from pathlib import Path

from agent.child import Child, ChildFailed, Head
from agent.errors import PictureError
from agent.picture import Picture
from agent.settings import IntakeSettings

_log = logging.getLogger(__name__)
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg"}
_MEGABYTE = 1 << 20
_STALE_SECONDS = 3_600.0


class Intake:
    """Takes pictures in. One may be shared by the whole process; `close` ends its child early."""

    def __init__(self, settings: IntakeSettings) -> None:
        self._settings = settings
        # Python, Pillow and codecs need some 700 MB of address space; a pixel, at its worst (RGBA with a
        # composite, or 16 bits as floats), about 24 bytes at a time.
        self._child = Child("agent.decode", memory=1_024 * _MEGABYTE + 32 * settings.max_pixels)

    async def take(self, data: bytes, *, filename: str = "") -> Picture:
        """The picture, stored. Animations keep their first frame that shows something; a cut file is kept
        (without what is missing) where at least half of its rows arrived. `filename` only helps to say which one
        failed.

        Raises PictureError.
        """
        where = _plain(filename)
        if not data:
            raise PictureError("the file is empty", where=where, mend="Send it again.")
        if len(data) > self._settings.max_bytes:
            raise PictureError(
                f"the picture has {len(data):,} bytes; {self._settings.max_bytes:,} are the limit",
                where=where,
                mend="Send a smaller version.",
            )
        facts, clean = await self._decoded(data, where)
        return await asyncio.to_thread(self._kept, facts, clean)

    def path_of(self, sha256: str, mime: str) -> Path:
        """Where a picture lies, or would. Raises PictureError for what is no hash or no kind of ours."""
        if not re.fullmatch("[0-9a-f]{64}", sha256) or mime not in _ENDINGS:
            raise PictureError(
                "no picture has such a name", mend="Use the SHA-256 and kind from the journal."
            )
        return self._settings.folder / sha256[:2] / f"{sha256}.{_ENDINGS[mime]}"

    def close(self) -> None:
        """Ends the child process. Idempotent."""
        self._child.close()

    async def _decoded(self, data: bytes, where: str) -> tuple[Head, bytes]:
        head = self._settings.model_dump(include={"max_pixels", "max_frames", "max_side"})
        try:
            facts, clean = await self._child.call(head, data, seconds=self._settings.seconds)
        except ChildFailed as failed:
            _log.warning("decoding %d bytes failed: %s", len(data), failed)
            slow = "the picture takes too long to decode"
            what = slow if failed.timed_out else "the picture breaks its decoder"
            raise PictureError(what, where=where, mend="Save it as PNG or JPEG and send that.") from failed
        if "refused" in facts:
            _log.info("refused %d bytes: %s %s", len(data), facts["refused"], facts.get("kind", ""))
            raise PictureError(str(facts["refused"]), where=where, mend=str(facts.get("mend", "")))
        return facts, clean

    def _kept(self, facts: Head, clean: bytes) -> Picture:
        sha256 = hashlib.sha256(clean).hexdigest()
        path = self.path_of(sha256, str(facts["mime"]))
        store(path, clean)
        return Picture(
            sha256=sha256,
            path=path,
            mime=facts["mime"],
            width=int(facts["width"]),
            height=int(facts["height"]),
            phash=str(facts["phash"]),
            frames=int(facts["frames"]),
        )


def store(path: Path, data: bytes) -> None:
    """Writes bytes so that a crash at any moment leaves the whole file or none, and two writers of the same
    name do no harm. What is there with the same content stays; damaged content is replaced.

    Raises PictureError where the disk says no.
    """
    try:
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            _flush_folder(path.parent.parent)
        _sweep(path.parent)
        _replace(path, data)
    except OSError as error:
        what = f"the picture cannot be stored: {error.strerror or error}"
        mend = "Check free space and permissions of agent.intake.folder."
        raise PictureError(what, where=str(path.parent), mend=mend) from error


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    """A new name is durable only once its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Takes away what a crash in the middle of writing left, long after its writer."""
    for left in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()


def _plain(filename: str) -> str:
    """A filename fit to be shown: people choose it, so no control characters and no great length."""
    return "".join(c for c in filename if c.isprintable())[:80]
