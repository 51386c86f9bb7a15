"""Character -> TOML that is pleasant to edit by hand: a fixed order, prose wrapped, defaults left out."""

import re
from collections.abc import Sequence

from agent.character import Character, Lorebook, LoreEntry, Position

WIDTH = 100
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def dump_toml(character: Character) -> str:
    """TOML that `read_toml` turns back into an equal character.

    Not in it: `portrait` and `card` (bytes and a raw card are no text to edit; Cast.add keeps them beside
    the file). Lone surrogates, which UTF-8 cannot hold, become U+FFFD.
    """
    c, profile = character, character.profile
    lines = [_pair("id", c.id), _pair("name", c.name), *_given("nickname", c.nickname)]
    lines += [_pair("origin", c.origin), _pair("kind", c.kind.value), _pair("language", c.language)]
    lines += ["adult = true"] if c.adult else []
    lines += [
        *_listed("tags", c.tags),
        *_given("creator", c.creator),
        *_given("creator_notes", c.creator_notes),
    ]
    lines += ["", _pair("greeting", c.greeting), *_listed("other_greetings", c.other_greetings)]
    lines += [*_given("scene", c.scene), *_listed("examples", c.examples)]
    lines += [*_given("system_prompt", c.system_prompt), *_given("post_history", c.post_history)]
    lines += ["", "[profile]", _pair("introduction", profile.introduction), ""]
    lines += [_pair("personality", profile.personality), "", _pair("life_story", profile.life_story), ""]
    lines += [_pair("relationships", profile.relationships), ""]
    lines += [f"catchphrases = {_array(profile.catchphrases)}"]
    if c.face:
        lines += ["", "[face]", *(f"{_key(k)} = {_text(v)}" for k, v in c.face.items())]
    if c.lorebook is not None:
        lines += ["", *_lorebook(c.lorebook)]
    return "\n".join(lines) + "\n"


def _lorebook(book: Lorebook) -> list[str]:
    lines = ["[lorebook]", *_given("name", book.name)]
    lines += [] if book.scan_depth is None else [f"scan_depth = {book.scan_depth}"]
    lines += [] if book.token_budget is None else [f"token_budget = {book.token_budget}"]
    lines += ["recursive = true"] if book.recursive else []
    for entry in book.entries:
        lines += ["", *_entry(entry)]
    return lines


def _entry(entry: LoreEntry) -> list[str]:
    lines = ["[[lorebook.entries]]", *_given("id", entry.id), *_given("name", entry.name)]
    lines += [*_listed("keys", entry.keys), *_listed("secondary_keys", entry.secondary_keys)]
    lines += [] if entry.enabled else ["enabled = false"]
    flags = ("constant", "selective", "use_regex", "case_sensitive")
    lines += [f"{flag} = true" for flag in flags if getattr(entry, flag)]
    lines += [f"insertion_order = {entry.insertion_order!r}"] if repr(entry.insertion_order) != "0" else []
    lines += [f"priority = {entry.priority!r}"] if repr(entry.priority) != "0" else []
    lines += [_pair("position", entry.position.value)] if entry.position is not Position.BEFORE else []
    lines += [_pair("content", entry.content)]
    if entry.decorators:
        lines.append("[lorebook.entries.decorators]")
        lines += [f"{_key(name)} = {_array(values)}" for name, values in entry.decorators.items()]
    return lines


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _pair(key: str, value: str) -> str:
    return f"{key} = {_text(value)}"


def _given(key: str, value: str) -> list[str]:
    return [_pair(key, value)] if value else []


def _listed(key: str, values: Sequence[str]) -> list[str]:
    return [f"{key} = {_array(values)}"] if values else []


def _array(values: Sequence[str]) -> str:
    flat = f"[{', '.join(_quoted(v) for v in values)}]"
    if len(flat) <= WIDTH - 16 and not any("\n" in v for v in values):
        return flat
    return "[\n" + "".join(f"    {_text(v)},\n" for v in values) + "]"


def _text(value: str) -> str:
    if "\n" not in value and len(value) <= WIDTH - 16:
        return _quoted(value)
    return _long(value)


def _escaped(value: str) -> str:
    value = _SURROGATE.sub("\ufffd", value).replace("\\", "\\\\")
    return "".join(_control(c) if (c < " " and c not in "\t\n") or c == "\x7f" else c for c in value)


def _control(c: str) -> str:
    return "\\r" if c == "\r" else f"\\u{ord(c):04x}"


def _quoted(value: str) -> str:
    return '"' + _escaped(value).replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'


def _long(value: str) -> str:
    """A multi-line text. A backslash at a line's end joins it to the next, so wrapping adds nothing."""
    safe = re.sub(r'""+|"\Z', lambda run: run[0].replace('"', '\\"'), _escaped(value))
    return '"""\n' + "\n".join(_wrapped(line) for line in safe.split("\n")) + '"""'


def _wrapped(line: str) -> str:
    """Breaks between words at single blanks only: TOML drops whatever white space follows a break."""
    pieces: list[str] = [""]
    for word in re.split(r"(?<=[^ \t]) (?=[^ \t])", line):
        if not pieces[-1]:
            pieces[-1] = word
        elif len(pieces[-1]) + len(word) + 1 <= WIDTH:
            pieces[-1] += " " + word
        else:
            pieces.append(word)
    return " \\\n".join(pieces)
