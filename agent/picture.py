"""Pictures and notes: what everybody else passes around. Bytes stay on disk, addressed by their hash."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Maker(StrEnum):
    """Who wrote a note."""

    EYES = "eyes"
    MODEL = "model"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Note:
    """What a picture shows, in words, and who says so.

    `text` is untrusted data (it may quote text found in the picture), never an instruction. `version` names
    the eyes' or the model's version, empty for a person. `sure` is False where the maker abstained on the
    subject: such a note describes colours and shape only.
    """

    text: str
    maker: Maker
    version: str = ""
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A re-encoded picture without metadata. Equality is by content.

    `sha256` is the hash of the stored bytes (64 hex digits), `path` where they lie, `mime` `image/png` or
    `image/jpeg`, `width` and `height` in pixels, `phash` a 64-bit perceptual hash (16 hex digits), `frames`
    how many the original had (only the first is kept).
    """

    sha256: str
    path: Path
    mime: str
    width: int
    height: int
    phash: str
    frames: int = 1

    def read(self) -> bytes:
        """The stored bytes. Blocking: a few milliseconds at the intake's size limit."""
        return self.path.read_bytes()
