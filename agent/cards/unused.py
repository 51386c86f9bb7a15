"""What a card or a lorebook says that nothing here heeds: kept and exported again, and named on import."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from agent.cards import dialects
from agent.cards.mending import OURS

_SHOWN = 60  # characters of a name that somebody else chose
# Fields that are used, or say nothing that could be: dates, versions, what an editor remembers.
_CARD = {
    "name", "description", "personality", "scenario", "first_mes", "mes_example", "creator_notes", "system_prompt",
    "post_history_instructions", "creator", "character_version", "alternate_greetings", "tags", "nickname", "source",
    "creator_notes_multilingual", "creation_date", "modification_date", "assets", "character_book", "extensions",
    "language", "nsfw", "avatar", "chat", "create_date", "spec", "spec_version", "data", "metadata",
}  # fmt: skip
_EXTENSIONS = {OURS, "language", "nsfw", "depth_prompt", "world", "fav"}
_ENTRY = dialects.HEEDED | {
    "keys", "content", "extensions", "enabled", "insertion_order", "constant", "selective", "secondary_keys",
    "priority", "position", "name", "comment", "id", "use_regex", "display_index", "uid", "key", "keysecondary",
    "order", "disable", "add_memo", "secondkey", "insertorder", "always_active", "keywords", "entry", "weight", "text",
    "display_name", "force_activation", "version", "lore_cache", "book_version", OURS,
}  # fmt: skip
_BOOK = {
    "name", "description", "scan_depth", "token_budget", "recursive_scanning", "extensions", "entries", "spec", "data",
    "full_word_matching", "match_whole_words", "whole_words", "type", "ver", "kind", "original_data",
    "lorebook_version",
    OURS,
}  # fmt: skip
_BESIDE_CHARACTER = {0: "before_char", 1: "after_char", dialects.AT_DEPTH: "at depth"}
_NO_LIKING = (0.5, "0.5")  # SillyTavern's `talkativeness` where nobody chose one


def of_card(obj: Mapping[str, Any]) -> tuple[str, ...]:
    """Lines for a sound V3 object (agent.cards.normal)."""
    data = obj["data"]
    told = [
        name for holder in (obj, data) for name, value in holder.items() if name not in _CARD and _says(value)
    ]
    extensions = [
        f"extensions.{name}"
        for name, value in data["extensions"].items()
        if name not in _EXTENSIONS and _says(value) and not (name == "talkativeness" and value in _NO_LIKING)
    ]
    lines = [
        f"{name[:_SHOWN]} is kept, but nothing here uses it" for name in dict.fromkeys([*told, *extensions])
    ]
    world = data["extensions"].get("world")
    book = data.get("character_book")
    if isinstance(world, str) and world.strip() and not book:
        lines.append(
            f"the lorebook {world[:_SHOWN]!r} belongs to the card but is not in it: import that file too"
        )
    return (*lines, *(of_book(book) if isinstance(book, dict) else ()))


def of_book(book: Mapping[str, Any]) -> tuple[str, ...]:
    """Lines for a sound lorebook (agent.cards.books), like ones of many entries as one."""
    found: Counter[str] = Counter()
    for entry in book["entries"]:
        found.update(_of_entry(entry))
    lines = [f"lorebook: {what}" + (f" ({n} entries)" if n > 1 else "") for what, n in found.items()]
    own = {**book.get("extensions", {}), **book}
    extra = [name for name, value in own.items() if dialects.plain(name) not in _BOOK and _says(value)]
    return (*lines, *(f"lorebook: its {name[:_SHOWN]} is kept, but nothing here uses it" for name in extra))


def _of_entry(entry: Mapping[str, Any]) -> Iterable[str]:
    told = dialects.settings(entry)
    for name, value in told.items():
        usual = name == "mode" and value in ("normal", "constant", "multiple")
        if name not in _ENTRY and _says(value) and name != "role" and not usual:
            yield f"{name[:_SHOWN]} is kept, but nothing here uses it"
    position = entry["extensions"].get("position")
    if isinstance(position, int) and position not in _BESIDE_CHARACTER:
        yield f"position {position} is not known here: the entry stands {entry.get('position', 'before_char')}"
    if position == dialects.AT_DEPTH and told.get("role"):
        yield "role is kept, but a dialogue is one message here"


def _says(value: Any) -> bool:
    """Anything but nothing: null, false, zero, empty, or a map of such."""
    if isinstance(value, Mapping):
        return any(_says(v) for v in value.values())
    return bool(value)
