"""What tools say of a lorebook entry beside the specification, each in its own spelling -> our decorators.

SillyTavern writes `exclude_recursion` in a card's extensions and `excludeRecursion` in its world files, RisuAI
`risu_activationPercent`: one setting has one name here, whoever wrote it and wherever it stands. What no setting of
ours stands for is told by agent.cards.unused.
"""

import re
from collections.abc import Mapping
from typing import Any

from agent.lore.keys import slashed

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LOGIC = ("any", "not_all", "not_any", "all")  # SillyTavern's numbers
AT_DEPTH = 4  # SillyTavern's position for an entry that stands among the turns
USUAL_WEIGHT = 100
# An entry of a program in which each key is by itself plain or /written like this/i.
_SLASHES = {
    "display_index", "selective_logic", "exclude_recursion", "use_probability", "match_whole_words", "add_memo",
    "keysecondary", "search_range", "context_config",
}  # fmt: skip
# Settings that are honoured, here or by agent.cards.books.
HEEDED = {
    "probability", "use_probability", "activation_percent", "selective_logic", "scan_depth", "depth", "position",
    "match_whole_words", "full_word_matching", "whole_words", "case_sensitive", "group", "group_weight",
    "group_override", "delay", "sticky", "exclude_recursion", "prevent_recursion", "delay_until_recursion",
    "ignore_budget",
}  # fmt: skip


def plain(name: str) -> str:
    """A setting's one name: snake_case, without the prefix of a tool."""
    return _CAMEL.sub("_", name).lower().removeprefix("risu_")


def settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Everything an entry says, under plain names: its extensions count before its own fields, nulls do not count."""
    told: dict[str, Any] = {}
    for holder in (entry["extensions"], entry):
        for name, value in holder.items():
            if value is not None:
                told.setdefault(plain(name), value)
    return told


def key_by_key(entry: Mapping[str, Any]) -> bool:
    """Is it for each key to say whether it is an expression? Such programs may write `use_regex` everywhere."""
    return not _SLASHES.isdisjoint(settings(entry))


def marks(entry: Mapping[str, Any], book: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The decorators that stand for an entry's settings; `book` holds the settings for all entries."""
    told = settings(entry)
    found: dict[str, tuple[str, ...]] = {}
    chance = _number(told, "probability", "activation_percent")
    if chance is not None and chance < 100 and told.get("use_probability") is not False:
        found["probability"] = (_written(chance),)
    if whole_words(told, book):
        found["whole_words"] = ()
    if entry["extensions"].get("position") == AT_DEPTH and (depth := _number(told, "depth")) is not None:
        found["depth"] = (_written(depth),)
    logic = _number(told, "selective_logic")
    if logic in (1, 2, 3):
        found["selective_logic"] = (_LOGIC[int(logic)],)
    for name in ("scan_depth", "delay", "sticky"):
        number = _number(told, name)
        if number is not None and (number > 0 or name == "scan_depth"):
            found[name] = (_written(number),)
    for name in ("exclude_recursion", "prevent_recursion", "delay_until_recursion", "ignore_budget"):
        if told.get(name) is True or (name == "delay_until_recursion" and _number(told, name)):
            found[name] = ()
    found |= _group(told)
    if key_by_key(entry) and any(slashed(k) for k in (*entry["keys"], *entry.get("secondary_keys", ()))):
        found["key_by_key"] = ()
    return found


def whole_words(told: Mapping[str, Any], book: Mapping[str, Any]) -> bool:
    """The entry's own word, else the book's."""
    names = ("match_whole_words", "full_word_matching", "whole_words")
    for holder in (told, {plain(k): v for k, v in book.items()}):
        said = [holder[name] for name in names if isinstance(holder.get(name), bool)]
        if said:
            return bool(said[0])
    return False


def case_sensitive(entry: Mapping[str, Any]) -> bool:
    return settings(entry).get("case_sensitive") is True


def _group(told: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    name = told.get("group")
    groups = tuple(p.strip() for p in name.split(",") if p.strip()) if isinstance(name, str) else ()
    if not groups:
        return {}
    found = {"group": groups}
    weight = _number(told, "group_weight")
    if weight is not None and weight != USUAL_WEIGHT:
        found["group_weight"] = (_written(max(weight, 0)),)
    return found | ({"group_override": ()} if told.get("group_override") is True else {})


def _number(told: Mapping[str, Any], *names: str) -> float | None:
    """The first that is a finite number within what decorators can hold."""
    for name in names:
        value = told.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**9:
            return value
        if isinstance(value, str) and re.fullmatch(r"\s*\d{1,9}(\.\d{1,9})?\s*", value):
            return float(value)
    return None


def _written(number: float) -> str:
    return str(int(number)) if number == int(number) else f"{number:.6f}"
