"""What reading a card gives, and the limits every container is read under."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.character import Character, Lorebook

MAX_CARD = 128 << 20  # bytes of a whole file
MAX_JSON = 32 << 20  # bytes of the card's JSON, decoded
MAX_DEPTH = 100  # nesting of that JSON
MAX_VALUES = 1_000_000  # values in it
MAX_CHUNKS = 20_000  # chunks of a PNG or a WebP, entries of an EXIF directory
MAX_ENTRIES = 2_000  # files in a CHARX
MAX_ENTRY = 64 << 20  # bytes of one of them, unpacked
MAX_UNPACKED = 256 << 20  # bytes of all of them, unpacked
MAX_RATIO = 250  # unpacked to packed, for files over a megabyte


@dataclass(frozen=True)
class Imported:
    """A card as read.

    `repairs` tells in plain words everything that was mended or left out, `unused` what is kept but has no effect
    here, `spec` is `v1`, `v2` or `v3` as the
    card itself is written, `assets` holds the files that came in its container, by path (no remote asset is
    ever fetched). Bytes in `assets` and in `character.portrait` are hostile until agent.intake has seen them.
    """

    character: Character
    repairs: tuple[str, ...] = ()
    spec: str = "v3"
    assets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportedBook:
    """A lorebook that came alone. `raw` is the object as read; nothing in it is dropped."""

    book: Lorebook
    repairs: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unused: tuple[str, ...] = ()


@dataclass
class Found:
    """What a container holds: the card's JSON text, candidates best first, and the bytes around it."""

    texts: list[bytes] = field(default_factory=list)
    picture: bytes | None = None
    assets: dict[str, bytes] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)
