"""TOML -> Character, strictly: every complaint names the file, the line and what would be right."""

import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from agent.cast.lines import line_of
from agent.cast.names import is_id, slug
from agent.character import Character, Kind, Lorebook, LoreEntry, Position, Profile
from agent.errors import CharacterError

_SECTIONS = ("introduction", "personality", "life_story", "relationships", "catchphrases")


class _Table:
    """One table being read. Each getter takes its key out; `done` complains about what is left over."""

    def __init__(self, text: str, where: str, path: tuple[str | int, ...], data: Mapping[str, Any]) -> None:
        self.text, self.where, self.path = text, where, path
        self.left = dict(data)
        self.known: list[str] = []

    def wrong(self, what: str, mend: str, *more: str | int) -> CharacterError:
        line = line_of(self.text, (*self.path, *more))
        return CharacterError(what, where=f"{self.where}:{line}", mend=mend)

    def take(
        self, key: str, kind: type | tuple[type, ...], default: Any, wanted: str, required: bool = False
    ) -> Any:
        self.known.append(key)
        if key not in self.left:
            if required:
                table = f"[{'.'.join(map(str, self.path))}] " if self.path else ""
                raise self.wrong(f"{table}{key} is missing", f"add a line: {key} = {wanted}")
            return default
        value = self.left.pop(key)
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise self.wrong(f"{key} is {_called(value)}", f"write it as: {key} = {wanted}", key)
        return value

    def string(self, key: str, default: str = "", *, required: bool = False) -> str:
        return str(self.take(key, str, default, '"..."', required))

    def strings(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        value = self.take(key, list, [], '["...", "..."]', required)
        for item in value:
            if not isinstance(item, str):
                raise self.wrong(f"{key} holds {_called(item)}", "a list of texts is wanted", key)
        return tuple(value)

    def flag(self, key: str, default: bool) -> bool:
        return bool(self.take(key, bool, default, "true or false"))

    def whole(self, key: str) -> int | None:
        value = self.take(key, int, None, "a whole number")
        if value is not None and value < 0:
            raise self.wrong(f"{key} is {value}", "a number from 0 up is wanted", key)
        return None if value is None else int(value)

    def number(self, key: str) -> float:
        value = self.take(key, (int, float), 0, "a number")
        if not math.isfinite(value):
            raise self.wrong(f"{key} is {value}", "a finite number is wanted", key)
        return value if isinstance(value, int) else float(value)

    def table(self, key: str, *, required: bool = False) -> "_Table | None":
        self.known.append(key)
        if key not in self.left:
            if required:
                raise self.wrong(
                    f"the section [{key}] is missing", f"add a line [{key}] and its keys below it"
                )
            return None
        value = self.left.pop(key)
        if not isinstance(value, dict):
            raise self.wrong(f"{key} is {_called(value)}", f"write a line [{key}] and its keys below it", key)
        return _Table(self.text, self.where, (*self.path, key), value)

    def tables(self, key: str) -> list["_Table"]:
        name = ".".join(map(str, (*self.path, key)))
        rows = self.take(key, list, [], f"(none; write lines [[{name}]])")
        for row in rows:
            if not isinstance(row, dict):
                raise self.wrong(f"{key} holds {_called(row)}", f"write lines [[{name}]]", key)
        return [_Table(self.text, self.where, (*self.path, key, i), row) for i, row in enumerate(rows)]

    def done(self) -> None:
        for key in self.left:
            close = difflib.get_close_matches(key, self.known, 1)
            mend = f"did you mean {close[0]}?" if close else f"known here: {', '.join(self.known)}"
            raise self.wrong(f"unknown key {key}", mend, key)


def _called(value: object) -> str:
    names = {str: "a text", bool: "true or false", int: "a number", float: "a number"}
    names |= {list: "a list", dict: "a table"}
    return names.get(type(value), f"a {type(value).__name__}")


def read_toml(text: str, where: str, *, invent_id: bool = False) -> Character:
    """A character from TOML. Raises CharacterError with `where` as `FILE:LINE` for broken TOML, unknown
    keys, wrong types, a bad id or kind, and missing sections (a section may be empty: lint speaks of that).
    `invent_id`: where none is given, it is made from the name.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        at = f"{where}:{line[1] if line else text.count(chr(10)) + 1}"
        raise CharacterError(
            f"this is not TOML: {error}", where=at, mend="check quotes and brackets there"
        ) from None
    if invent_id and isinstance(data.get("name"), str):
        data.setdefault("id", slug(data["name"]))
    top = _Table(text, where, (), data)
    character = Character(
        id=_id(top),
        name=_name(top),
        origin=top.string("origin", required=True),
        kind=_kind(top),
        profile=_profile(top),
        language=top.string("language", "English"),
        greeting=top.string("greeting"),
        other_greetings=top.strings("other_greetings"),
        nickname=top.string("nickname"),
        scene=top.string("scene"),
        examples=top.strings("examples"),
        system_prompt=top.string("system_prompt"),
        post_history=top.string("post_history"),
        lorebook=_lorebook(top.table("lorebook")),
        adult=top.flag("adult", False),
        tags=top.strings("tags"),
        creator=top.string("creator"),
        creator_notes=top.string("creator_notes"),
        face=_face(top),
    )
    top.done()
    return character


def _id(top: _Table) -> str:
    value = top.string("id", required=True)
    if not is_id(value):
        mend = f'lower-case words joined by hyphens, such as "{slug(value)}"'
        raise top.wrong(f"{value!r} cannot be an id", mend, "id")
    return value


def _name(top: _Table) -> str:
    value = top.string("name", required=True)
    if not value.strip():
        raise top.wrong("name is empty", "give the name people call the character by", "name")
    return value


def _kind(top: _Table) -> Kind:
    value = top.string("kind", required=True)
    if value not in set(Kind):
        raise top.wrong(f"kind is {value!r}", f"one of: {', '.join(Kind)}", "kind")
    return Kind(value)


def _profile(top: _Table) -> Profile:
    table = top.table("profile", required=True)
    assert table is not None  # required
    *prose, phrases = _SECTIONS
    sections = {key: table.string(key, required=True) for key in prose}
    profile = Profile(**sections, catchphrases=table.strings(phrases, required=True))
    table.done()
    return profile


def _face(top: _Table) -> dict[str, str]:
    table = top.table("face")
    return {} if table is None else {key: table.string(key) for key in list(table.left)}


def _lorebook(table: _Table | None) -> Lorebook | None:
    if table is None:
        return None
    book = Lorebook(
        entries=tuple(_entry(row) for row in table.tables("entries")),
        scan_depth=table.whole("scan_depth"),
        token_budget=table.whole("token_budget"),
        recursive=table.flag("recursive", False),
        name=table.string("name"),
    )
    table.done()
    return book


def _entry(row: _Table) -> LoreEntry:
    position = row.string("position", Position.BEFORE.value)
    if position not in set(Position):
        raise row.wrong(f"position is {position!r}", f"one of: {', '.join(Position)}", "position")
    decorators = row.table("decorators")
    entry = LoreEntry(
        content=row.string("content", required=True),
        keys=row.strings("keys"),
        secondary_keys=row.strings("secondary_keys"),
        enabled=row.flag("enabled", True),
        constant=row.flag("constant", False),
        selective=row.flag("selective", False),
        use_regex=row.flag("use_regex", False),
        case_sensitive=row.flag("case_sensitive", False),
        insertion_order=row.number("insertion_order"),
        priority=row.number("priority"),
        position=Position(position),
        decorators={} if decorators is None else {k: decorators.strings(k) for k in list(decorators.left)},
        id=row.string("id"),
        name=row.string("name"),
    )
    row.done()
    return entry
