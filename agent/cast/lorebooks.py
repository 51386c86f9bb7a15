"""Lorebooks that came alone, and whom they are attached to.

data/characters/lorebooks/
    night-birds.json            the book as it was imported
    attached.json               {"characters": {"li-bai": ["night-birds"]}, "channels": {"discord:42": ["night-birds"]}}
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agent.cast.files import LARGEST_CARD, read_bytes, write_whole
from agent.cast.names import is_id, slug
from agent.character import Character, Lorebook
from agent.errors import CharacterError
from agent.lore.joining import joined

if TYPE_CHECKING:
    from agent.cards import ImportedBook

log = logging.getLogger(__name__)

To = Literal["characters", "channels"]
_ATTACHED = "attached"  # no book may be called so


@dataclass(frozen=True)
class _Read:
    """A file as it was when it had this stamp (mtime in ns, size)."""

    stamp: tuple[int, int]
    book: Lorebook


class Lorebooks:
    """The books of one folder, which need not exist. Everything here blocks for a moment (files)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, _Read] = {}
        self._equipped: dict[tuple[str, str], tuple[Character, tuple[Lorebook, ...], Character]] = {}

    def ids(self) -> list[str]:
        return sorted(p.stem for p in self.folder.glob("*.json") if is_id(p.stem) and p.stem != _ATTACHED)

    def get(self, book_id: str) -> "ImportedBook":
        """Raises CharacterError where there is no such book, or it cannot be read."""
        from agent.cards import read_lorebook

        return read_lorebook(read_bytes(self._path(book_id), LARGEST_CARD))

    def add(
        self, data: bytes, book_id: str = "", *, name_hint: str = "", force: bool = False
    ) -> "tuple[str, ImportedBook]":
        """Takes in a lorebook file; its id is made from its name where none is given. Raises CharacterError (CardError
        for what is no lorebook), also where another book has that id and not `force`."""
        from agent.cards import read_lorebook

        found = read_lorebook(data)
        made = book_id or slug(found.book.name or name_hint)
        if not is_id(made) or made == _ATTACHED:
            mend = "give it an id of lower-case words joined by hyphens (--id)"
            raise CharacterError(f"{made!r} cannot be a lorebook's id", mend=mend)
        path = self.folder / f"{made}.json"
        whole = json.dumps(found.raw, indent=1).encode()
        if path.exists() and not force and path.read_bytes() != whole:
            mend = "give this one another id (--id), or replace the other deliberately (--force)"
            raise CharacterError(f"the id {made} belongs to another lorebook", where=str(path), mend=mend)
        self._write(path, whole)
        return made, found

    def remove(self, book_id: str) -> None:
        """Takes a book away, and off everything it was attached to. Raises CharacterError."""
        path = self._path(book_id)
        for to, holders in self.attached().items():
            for holder in [h for h, books in holders.items() if book_id in books]:
                self.attach(book_id, to, holder, on=False)
        path.unlink(missing_ok=True)

    def attach(self, book_id: str, to: To, holder: str, *, on: bool = True) -> None:
        """To a character (by its id) or a channel (`platform:id`), or off it. Raises CharacterError."""
        self._path(book_id)
        table = {
            kind: {h: list(books) for h, books in holders.items()}
            for kind, holders in self.attached().items()
        }
        books = [b for b in table[to].pop(holder, []) if b != book_id] + [book_id] * on
        if books:
            table[to][holder] = books
        self._write(self.folder / f"{_ATTACHED}.json", json.dumps(table, indent=1, sort_keys=True).encode())

    def attached(self) -> dict[To, Mapping[str, tuple[str, ...]]]:
        """Ids of books by holder. Raises CharacterError where the file is damaged."""
        path = self.folder / f"{_ATTACHED}.json"
        if not path.is_file():
            return {"characters": {}, "channels": {}}
        try:
            told = json.loads(read_bytes(path, LARGEST_CARD))
            return {"characters": _holders(told, "characters"), "channels": _holders(told, "channels")}
        except (ValueError, TypeError, AttributeError, RecursionError):
            mend = "mend it, or delete it and attach the lorebooks again"
            raise CharacterError(
                "the list of attached lorebooks is damaged", where=str(path), mend=mend
            ) from None

    def equip(self, character: Character, channel: str) -> Character:
        """The character with the books attached to it and to the channel beside its own. A book that cannot be read
        is logged and left out: it must not silence anybody."""
        books = self._of(character.id, channel)
        if not books:
            return character
        known = self._equipped.get((character.id, channel))
        if known and known[0] is character and known[1] == books:
            return known[2]
        own = [character.lorebook] if character.lorebook else []
        made = replace(character, lorebook=joined([*own, *books]))
        self._equipped[character.id, channel] = (character, books, made)
        return made

    def _of(self, character_id: str, channel: str) -> tuple[Lorebook, ...]:
        try:
            attached = self.attached()
        except CharacterError as error:
            log.warning("no lorebook is attached: %s", error)
            return ()
        wanted = (*attached["characters"].get(character_id, ()), *attached["channels"].get(channel, ()))
        found = [self._book(book_id) for book_id in dict.fromkeys(wanted)]
        return tuple(book for book in found if book is not None)

    def _book(self, book_id: str) -> Lorebook | None:
        try:
            path = self._path(book_id)
            info = path.stat()
            stamp = (info.st_mtime_ns, info.st_size)
            old = self._read.get(path)
            if old is None or old.stamp != stamp:
                old = self._read[path] = _Read(stamp, self.get(book_id).book)
        except (CharacterError, OSError) as error:
            log.warning("the lorebook %s is left out: %s", book_id, error)
            return None
        return old.book

    def _path(self, book_id: str) -> Path:
        path = self.folder / f"{book_id}.json"
        if not is_id(book_id) or book_id == _ATTACHED or not path.is_file():
            known = ", ".join(self.ids()) or "none yet"
            mend = f"`characters lorebook list` shows them: {known}"
            raise CharacterError(f"there is no lorebook {book_id[:80]!r}", mend=mend)
        return path

    def _write(self, path: Path, data: bytes) -> None:
        try:
            write_whole(path, data)
        except OSError as error:
            what = f"the lorebooks cannot be saved: {error.strerror}"
            mend = "check that the folder can be written to"
            raise CharacterError(what, where=str(path), mend=mend) from None


def _holders(told: Mapping[str, Any], kind: To) -> dict[str, tuple[str, ...]]:
    return {str(holder): tuple(str(b) for b in books) for holder, books in told.get(kind, {}).items()}
