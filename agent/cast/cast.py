"""The cast: every character that can be called, from the folder that ships and the owner's own."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from agent.cast.files import CARDS, companions, load_character, save
from agent.cast.lorebooks import Lorebooks
from agent.cast.names import fold, handles, is_id, ranked, slug
from agent.character import Character
from agent.errors import CharacterError

__all__ = ["Cast", "load_character"]

log = logging.getLogger(__name__)

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class _Loaded:
    """One file as it was when it had this stamp (name, mtime in ns, size; companions too)."""

    stamp: Stamp
    result: Character | CharacterError


class Cast:
    """All characters by id. One bad file never hides the others: it is named in `problems`.

    A character in `own` takes the place of a shipped one with the same id; `lorebooks` are those that came alone.
    Everything here blocks for a few milliseconds (files); `reload` costs a directory listing when nothing changed.
    """

    def __init__(self, shipped: Path, own: Path) -> None:
        self.shipped, self.own = shipped, own
        self.lorebooks = Lorebooks(own / "lorebooks")
        self.characters: Mapping[str, Character] = MappingProxyType({})
        self.problems: tuple[CharacterError, ...] = ()
        self._files: dict[Path, _Loaded] = {}
        self._paths: dict[str, Path] = {}

    @classmethod
    def load(cls, shipped: Path, own: Path) -> "Cast":
        cast = cls(shipped, own)
        cast.reload()
        return cast

    def reload(self) -> bool:
        """Reads what changed on disk since the last time; True if anything did."""
        stamps = {path: _stamp(path) for path in (*_listing(self.shipped), *_listing(self.own))}
        known = {path: loaded.stamp for path, loaded in self._files.items()}
        if stamps == known and (self.characters or self.problems):
            return False
        fresh = {path: self._file(path, stamp) for path, stamp in stamps.items()}
        self._settle(fresh)
        return True

    def _file(self, path: Path, stamp: Stamp) -> _Loaded:
        old = self._files.get(path)
        if old is not None and old.stamp == stamp:
            return old
        try:
            return _Loaded(stamp, load_character(path))
        except Exception as error:
            if not isinstance(error, CharacterError):
                log.exception("reading %s", path)
                error = CharacterError(f"it cannot be read: {error!r}", mend="please report this file")
            return _Loaded(
                stamp, error if error.where else CharacterError(error.what, where=str(path), mend=error.mend)
            )

    def _settle(self, files: dict[Path, _Loaded]) -> None:
        characters: dict[str, Character] = {}
        paths: dict[str, Path] = {}
        problems: list[CharacterError] = []
        if not self.shipped.is_dir():
            mend = "set agent.cast.shipped to the folder that came with the program"
            problems.append(CharacterError("there is no such folder", where=str(self.shipped), mend=mend))
        for path, loaded in files.items():
            if isinstance(loaded.result, CharacterError):
                problems.append(loaded.result)
            elif (first := paths.get(loaded.result.id)) is not None and first.parent == path.parent:
                what = f"the id {loaded.result.id} is already taken by {first.name}"
                problems.append(CharacterError(what, where=str(path), mend="give one of the two another id"))
            else:
                characters[loaded.result.id] = loaded.result
                paths[loaded.result.id] = path
        self._files, self._paths, self.problems = files, paths, tuple(problems)
        self.characters = MappingProxyType(dict(sorted(characters.items())))

    def path(self, character_id: str) -> Path:
        """The file a character came from. Raises CharacterError."""
        return self._paths[self.get(character_id).id]

    def get(self, name_or_id: str) -> Character:
        """The character of that id, name or nickname; case and diacritics do not matter.

        Raises CharacterError where there is none (with the nearest names) or more than one.
        """
        if exact := self.characters.get(name_or_id.strip()):
            return exact
        wanted = fold(name_or_id)
        by_id = [c for c in self.characters.values() if fold(c.id) == wanted]
        found = by_id or [c for c in self.characters.values() if wanted and wanted in handles(c)]
        if len(found) == 1:
            return found[0]
        if found:
            mend = f"use an id: {', '.join(c.id for c in found)}"
            raise CharacterError(f"{len(found)} characters answer to {name_or_id!r}", mend=mend)
        close = ", ".join(f"{c.name} ({c.id})" for c in self.search(name_or_id, 3)) if wanted else ""
        hint = f"did you mean {close}? " if close else ""
        mend = f"{hint}Characters live in {self.shipped} and {self.own}; `characters list` shows them all"
        raise CharacterError(f"there is no character called {name_or_id[:80]!r}", mend=mend)

    def search(self, typed: str, limit: int = 25) -> list[Character]:
        """Best fits first (25 is what Discord's autocomplete takes); everybody if nothing is typed."""
        return ranked(self.characters.values(), typed)[:limit]

    def add(
        self,
        character: Character,
        own: Path | None = None,
        *,
        replace: bool = False,
        original: bytes | None = None,
        ext: str = "",
    ) -> Path:
        """Writes the character to `own` (by default this cast's), atomically, and takes it in.

        `original`: the very file it was imported from, kept beside it as `original{ext}`. Raises
        CharacterError when the id is no file name, or belongs to a different character and `replace` is
        False; adding the same character again changes nothing.
        """
        folder = own or self.own
        if not is_id(character.id):
            mend = f'lower-case words joined by hyphens, such as "{slug(character.name)}"'
            raise CharacterError(f"{character.id!r} cannot be an id", mend=mend)
        self.reload()
        path = folder / f"{character.id}.toml"
        if not replace and (taken := self._taken(character, path)):
            mend = "give this one another id, or replace the other deliberately (--force)"
            raise CharacterError(
                f"the id {character.id} belongs to another character", where=taken, mend=mend
            )
        try:
            save(character, folder, original, ext)
        except OSError as error:
            what = f"the character cannot be saved: {error.strerror}"
            raise CharacterError(
                what, where=str(path), mend="check that the folder can be written to"
            ) from None
        self.reload()
        return path

    def _taken(self, character: Character, path: Path) -> str:
        """Where a different character with this id lives; empty if nowhere."""
        there = self.characters.get(character.id)
        if there is not None and there != character:
            return str(self._paths[character.id])
        return str(path) if there is None and path.exists() else ""


def _listing(folder: Path) -> list[Path]:
    """Character files in a folder, by name; nothing where there is no folder."""
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in (".toml", *CARDS)]
    except OSError:
        return []
    return sorted(p for p in found if not p.name.startswith(".") and p.is_file())


def _stamp(path: Path) -> Stamp:
    """Changes whenever the file or anything beside it does."""
    beside = companions(path)
    parts = [path, *(beside / name for name in ("portrait.png", "card.json"))]
    stamps = []
    for part in parts:
        try:
            info = part.stat()
        except OSError:  # not there, or gone between listing and looking
            continue
        stamps.append((part.name, info.st_mtime_ns, info.st_size))
    return tuple(stamps)
