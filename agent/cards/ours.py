"""What a card has no field for, under `extensions.vignette`: kept so that a character comes back identical.

    {"format": 1,
     "character": {field of Character: its JSON value, only those that the card's own fields do not give},
     "seen": {card field: hash of its value when this was written},
     "originals": {path: value that had to be mended}}

A field of `character` counts only while the card fields it stands for are as they were: where another program
has edited those, the edit wins.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from agent.cards.mending import OURS
from agent.cards.texts import clean_name
from agent.cast.names import is_id
from agent.character import Character, Kind, Lorebook, LoreEntry, Position, Profile

# Field of Character -> the card fields it is read from. What is not here comes from the card alone.
SOURCES: dict[str, tuple[str, ...]] = {
    "id": ("name",),
    "name": ("name",),
    "nickname": ("nickname",),
    "origin": (),
    "kind": (),
    "language": (),
    "profile": ("description", "personality"),
    "greeting": ("first_mes",),
    "other_greetings": ("alternate_greetings",),
    "scene": ("scenario",),
    "examples": ("mes_example",),
    "system_prompt": ("system_prompt",),
    "post_history": ("post_history_instructions",),
    "lorebook": ("character_book",),
    "adult": (),
    "tags": ("tags",),
    "creator": ("creator",),
    "creator_notes": ("creator_notes", "creator_notes_multilingual"),
    "face": (),
}


def pack(character: Character, baseline: Character, data: dict[str, Any]) -> None:
    """Writes into `data` what `baseline` (the character as the card's own fields give it) lacks."""
    extensions = data["extensions"]
    old = extensions.get(OURS)
    ours = (
        {k: v for k, v in old.items() if k not in ("format", "character", "seen")}
        if isinstance(old, dict)
        else {}
    )
    changed = [f for f in SOURCES if getattr(character, f) != getattr(baseline, f)]
    lacking = {f: _ENCODE.get(f, _plain)(getattr(character, f)) for f in changed}
    if lacking:
        watched = sorted({s for f in lacking for s in SOURCES[f]})
        ours = {"format": 1, "character": lacking, "seen": {s: _hash(data.get(s)) for s in watched}, **ours}
    if ours:
        extensions[OURS] = ours
    elif isinstance(old, dict):
        del extensions[OURS]


def unpack(baseline: Character, data: Mapping[str, Any], repairs: list[str]) -> Character:
    """The character with our own fields laid over `baseline`; what is not sound is told and left out."""
    ours = data["extensions"].get(OURS)
    told = ours.get("character") if isinstance(ours, dict) else None
    if not isinstance(ours, dict) or not isinstance(told, dict):
        return baseline
    seen = ours.get("seen")
    seen = seen if isinstance(seen, dict) else {}
    made: dict[str, Any] = {}
    for field, value in told.items():
        if field not in SOURCES:
            continue
        edited = [s for s in SOURCES[field] if seen.get(s) != _hash(data.get(s))]
        if edited:
            repairs.append(f"{', '.join(edited)} was edited elsewhere: that counts instead of our {field}")
            continue
        decode: Callable[[Any], Any] = _DECODE.get(field, _text)
        try:
            made[field] = decode(value)
        except (TypeError, ValueError, KeyError, AttributeError):
            repairs.append(f"extensions.{OURS}.character.{field} is not sound and was left out")
    made["adult"] = baseline.adult or made.get("adult", False)  # no card talks itself out of its own tags
    return replace(baseline, **made)


def _hash(value: Any) -> str:
    words = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(words.encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def _encode_profile(profile: Profile) -> dict[str, Any]:
    return {f.name: _plain(getattr(profile, f.name)) for f in fields(profile)}


def _encode_book(book: Lorebook | None) -> dict[str, Any] | None:
    if book is None:
        return None
    entries = [{f.name: _plain(getattr(e, f.name)) for f in fields(e)} for e in book.entries]
    for made, entry in zip(entries, book.entries, strict=True):
        made["decorators"] = {k: list(v) for k, v in entry.decorators.items()}
    return {**{f.name: getattr(book, f.name) for f in fields(book)}, "entries": entries}


_ENCODE: dict[str, Callable[[Any], Any]] = {
    "profile": _encode_profile,
    "lorebook": _encode_book,
    "kind": lambda kind: kind.value,
}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.replace("\0", "")


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(_text(v) for v in value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value


def _count(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise TypeError
    return value


def _id(value: Any) -> str:
    if not is_id(_text(value)):
        raise ValueError
    return str(value)


def _name(value: Any) -> str:
    if clean_name(_text(value)) != value:
        raise ValueError
    return str(value)


def _face(value: Any) -> dict[str, str]:
    if len(value) > 64 or any(len(str(x)) > 4_000 for pair in value.items() for x in pair):
        raise ValueError
    return {_text(k): _text(v) for k, v in value.items()}


def _decode_profile(value: Any) -> Profile:
    words = {f.name: _text(value[f.name]) for f in fields(Profile) if f.name != "catchphrases"}
    return Profile(**words, catchphrases=_texts(value["catchphrases"]))


def _decode_entry(value: Any) -> LoreEntry:
    kinds: dict[str, Callable[[Any], Any]] = {
        **dict.fromkeys(("enabled", "constant", "selective", "use_regex", "case_sensitive"), _flag),
        **dict.fromkeys(("keys", "secondary_keys"), _texts),
        **dict.fromkeys(("insertion_order", "priority"), _number),
        **dict.fromkeys(("content", "id", "name"), _text),
        "position": Position,
        "decorators": lambda d: {_text(k): _texts(v) for k, v in d.items()},
    }
    return LoreEntry(**{f.name: kinds[f.name](value[f.name]) for f in fields(LoreEntry)})


def _decode_book(value: Any) -> Lorebook | None:
    if value is None:
        return None
    return Lorebook(
        entries=tuple(_decode_entry(e) for e in value["entries"]),
        scan_depth=_count(value["scan_depth"]),
        token_budget=_count(value["token_budget"]),
        recursive=_flag(value["recursive"]),
        name=_text(value["name"]),
    )


_DECODE: dict[str, Callable[[Any], Any]] = {
    "id": _id,
    "name": _name,
    "nickname": _name,
    "kind": Kind,
    "profile": _decode_profile,
    "other_greetings": _texts,
    "examples": _texts,
    "tags": _texts,
    "adult": _flag,
    "face": _face,
    "lorebook": _decode_book,
}
