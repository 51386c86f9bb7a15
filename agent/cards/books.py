"""Lorebooks: an object of any age -> a sound V3 lorebook -> agent.character.Lorebook, and back."""

from collections.abc import Mapping
from typing import Any

from agent.cards import decorators, dialects
from agent.cards.mending import OURS, Mender
from agent.cards.texts import clean
from agent.character import Lorebook, LoreEntry, Position

# Other tools' names for the specification's fields.
_NAMES = {
    "key": "keys",  # SillyTavern's and KoboldAI's world info, RisuAI's lorebook
    "keysecondary": "secondary_keys",
    "order": "insertion_order",
    "caseSensitive": "case_sensitive",
    "uid": "id",
    "secondkey": "secondary_keys",  # RisuAI
    "insertorder": "insertion_order",
    "alwaysActive": "constant",
    "useRegex": "use_regex",
    "keywords": "keys",  # Agnai's memory book
    "entry": "content",
    "weight": "insertion_order",
    "text": "content",  # NovelAI
    "displayName": "name",
    "forceActivation": "constant",
}
_PATH = "data.character_book"
_LARGEST = 10**9


def mend_book(book: dict[str, Any], mender: Mender) -> None:
    """Makes `book` a sound V3 lorebook in place; every field it does not know stays."""
    for key in ("name", "description"):
        if key in book:
            mender.string(book, key, _PATH)
    for key in ("scan_depth", "token_budget"):
        mender.number(book, key, _PATH, None)
    mender.flag(book, "recursive_scanning", _PATH, None)
    mender.mapping(book, "extensions", _PATH)
    entries = book.get("entries")
    if isinstance(entries, dict):
        mender.note("character_book.entries was a map, now a list")
        for key, value in entries.items():
            if isinstance(value, dict) and "id" not in value and "uid" not in value:
                value["id"] = key
        entries = list(entries.values())
    elif not isinstance(entries, list):
        if entries is not None:
            mender.aside(f"{_PATH}.entries", entries, "character_book.entries was no list: it was set aside")
        else:
            mender.note("character_book.entries was missing, now empty")
        entries = []
    for at, entry in enumerate(entries):
        if not isinstance(entry, dict):
            mender.aside(f"{_PATH}.entries[{at}]", entry, "an entry was no object: it was set aside")
    book["entries"] = [e for e in entries if isinstance(e, dict)]
    for at, entry in enumerate(book["entries"]):
        _mend_entry(entry, f"{_PATH}.entries[{at}]", mender)


def _mend_entry(entry: dict[str, Any], path: str, mender: Mender) -> None:
    for old, new in _NAMES.items():
        if old in entry and new not in entry:
            entry[new] = entry[old]
            mender.note(f"character_book.entries[].{old} was taken as {new}")
    if isinstance(entry.get("disable"), bool) and "enabled" not in entry:
        entry["enabled"] = not entry["disable"]
        mender.note("character_book.entries[].disable was taken as enabled")
    extensions = mender.mapping(entry, "extensions", path)
    mender.strings(entry, "keys", path, commas=True)
    mender.string(entry, "content", path)
    _unhide(entry, extensions)
    mender.flag(entry, "enabled", path, True)
    mender.flag(entry, "use_regex", path, False)
    mender.number(entry, "insertion_order", path, 0)
    if "secondary_keys" in entry:
        mender.strings(entry, "secondary_keys", path, commas=True)
    for key in ("constant", "selective", "case_sensitive"):
        mender.flag(entry, key, path, None)
    mender.number(entry, "priority", path, None)
    for key in ("name", "comment"):
        if key in entry:
            mender.string(entry, key, path)
    _mend_position(entry, extensions, path, mender)


def hide_decorators(entry: dict[str, Any]) -> None:
    """For V2, which knows none (they would reach the prompt): the content with them goes under our key."""
    plain = decorators.split(entry["content"])[1]
    if plain == entry["content"]:
        return
    ours = entry["extensions"].get(OURS)
    kept = ours if isinstance(ours, dict) else {}
    entry["extensions"][OURS] = {**kept, "content": entry["content"]}
    entry["content"] = plain


def _unhide(entry: dict[str, Any], extensions: dict[str, Any]) -> None:
    """Undoes `hide_decorators`, unless the content has been edited since."""
    ours = extensions.get(OURS)
    hidden = ours.get("content") if isinstance(ours, dict) else None
    if not isinstance(hidden, str) or hidden == entry["content"]:
        return
    if decorators.split(hidden)[1] == entry["content"]:
        entry["content"] = hidden
        del extensions[OURS]["content"]
        if not extensions[OURS]:
            del extensions[OURS]


def _mend_position(entry: dict[str, Any], extensions: dict[str, Any], path: str, mender: Mender) -> None:
    """`""` and SillyTavern's numbers (0: before the character, else after) become the rule's words."""
    value = entry.get("position")
    if "position" not in entry or value in tuple(Position):
        return
    del entry["position"]
    if value is None or value == "":
        mender.note("character_book.entries[].position was empty")
    elif isinstance(value, int) and not isinstance(value, bool):
        entry["position"] = (Position.BEFORE if value == 0 else Position.AFTER).value
        extensions.setdefault("position", value)
        mender.aside(f"{path}.position", value, "character_book.entries[].position was a number")
    else:
        mender.aside(f"{path}.position", value, "character_book.entries[].position is unknown: before_char")


def to_lorebook(book: Mapping[str, Any]) -> Lorebook:
    """From a sound V3 lorebook object (see `mend_book`)."""
    return Lorebook(
        entries=tuple(to_entry(e, book["extensions"]) for e in book["entries"]),
        scan_depth=_whole(book.get("scan_depth")),
        token_budget=_whole(book.get("token_budget")),
        recursive=bool(book.get("recursive_scanning")),
        name=clean(book.get("name", "")),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else int(min(max(value, 0), _LARGEST))


def to_entry(entry: Mapping[str, Any], book: Mapping[str, Any] | None = None) -> LoreEntry:
    """One entry, with what tools say beside the specification; `book` holds the extensions of its book."""
    marks, content = decorators.split(clean(entry["content"]))
    marks = {**dialects.marks(entry, book or {}), **marks}
    where = {"before_desc": Position.BEFORE}.get((marks.get("position") or ("",))[0])
    if where is None and "position" in marks:
        where = Position.AFTER
    return LoreEntry(
        content=content,
        keys=tuple(clean(k) for k in entry["keys"]),
        secondary_keys=tuple(clean(k) for k in entry.get("secondary_keys", ())),
        enabled=entry["enabled"],
        constant=bool(entry.get("constant")),
        selective=bool(entry.get("selective")),
        use_regex=entry["use_regex"] and "key_by_key" not in marks and not dialects.key_by_key(entry),
        case_sensitive=dialects.case_sensitive(entry),
        insertion_order=entry["insertion_order"],
        priority=entry.get("priority", 0),
        position=where or Position(entry.get("position", Position.BEFORE)),
        decorators=marks,
        id=clean(str(entry.get("id", ""))) if isinstance(entry.get("id"), str | int | float) else "",
        name=clean(entry.get("name", "") or entry.get("comment", "")),
    )


def from_entry(entry: LoreEntry, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The V3 object of an entry, over the raw one it came from, if any."""
    made: dict[str, Any] = {
        "keys": list(entry.keys),
        "content": decorators.render(entry.decorators, entry.content),
        "enabled": entry.enabled,
        "insertion_order": entry.insertion_order,
        "use_regex": entry.use_regex,
        "constant": entry.constant,
        "selective": entry.selective,
        "secondary_keys": list(entry.secondary_keys),
        "case_sensitive": entry.case_sensitive,
        "priority": entry.priority,
        "position": entry.position.value,
        "extensions": {},
        **({"id": entry.id} if entry.id else {}),
        **({"name": entry.name} if entry.name else {}),
    }
    return {**made, **{k: v for k, v in (base or {}).items() if k not in made or k == "extensions"}}


def from_lorebook(book: Lorebook, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The V3 object of a book. Unchanged entries keep their raw object, changed ones its extra fields."""
    raws = list((base or {}).get("entries", ()))
    shared = (base or {}).get("extensions")
    left = list(zip((to_entry(r, shared) for r in raws), raws, strict=True))
    by_content: dict[str, list[int]] = {}
    for n, (old, _) in enumerate(left):
        by_content.setdefault(old.content, []).append(n)
    named = {old.id: raw for old, raw in left if old.id}
    entries = []
    for entry in book.entries:
        alike = by_content.get(entry.content, [])
        same = next((n for n in alike if left[n][0] == entry), None)
        if same is None:
            entries.append(from_entry(entry, named.get(entry.id)))
        else:
            alike.remove(same)  # of equal entries each keeps its own raw object
            entries.append(left[same][1])
    given = {
        "name": book.name or None,
        "scan_depth": book.scan_depth,
        "token_budget": book.token_budget,
        "recursive_scanning": book.recursive,
    }
    kept = {k: v for k, v in (base or {}).items() if k not in given and k != "entries"}
    return {"extensions": {}, **kept, **{k: v for k, v in given.items() if v is not None}, "entries": entries}
