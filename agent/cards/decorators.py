"""Lorebook decorators: `@@name value` lines at the head of an entry's content (Character Card V3)."""

import re
from collections.abc import Iterable, Mapping

_LINE = re.compile(r"@@(@?)([A-Za-z_][A-Za-z0-9_]*)(?:[ \t]+(.*))?")
_NUMBER = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")
_NUMBERS = {
    "activate_only_after",
    "activate_only_every",
    "depth",
    "scan_depth",
    "is_greeting",
    "probability",
    "delay",
    "sticky",
    "group_weight",
}
_BARE = {
    "activate",
    "dont_activate",
    "keep_activate_after_match",
    "dont_activate_after_match",
    "ignore_on_max_context",
    "whole_words",
    # Ours, for what SillyTavern and others say in their own words (agent.cards.dialects):
    "exclude_recursion",
    "prevent_recursion",
    "delay_until_recursion",
    "group_override",
    "ignore_budget",
    "key_by_key",
}
_LISTS = {"additional_keys", "exclude_keys", "group"}
_CHOICES = {
    "selective_logic": {"any", "all", "not_any", "not_all"},
    "role": {"assistant", "system", "user"},
    "position": {"after_desc", "before_desc", "personality", "scenario"},
    "disable_ui_prompt": {"post_history_instructions", "system_prompt"},
}


def split(content: str) -> tuple[dict[str, tuple[str, ...]], str]:
    """(decorators that count, content without any decorator).

    A decorator that is unknown, has no valid value, or has no meaning in a chat (`instruct_*`, `reverse_*`,
    `is_user_icon`: the specification says to ignore these) counts for nothing, and then the `@@@` fallbacks
    right below it are tried from top to bottom. Of several with one name the first counts; a repeated
    `additional_keys` is another condition and is kept as `additional_keys#2` and so on.
    """
    lines, found, settled = content.split("\n"), dict[str, tuple[str, ...]](), True
    for at, line in enumerate(lines):
        text = line.strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            return (found, "\n".join(lines[at:]).strip("\n")) if at else (found, content)
        fallback, name, value = bool(match[1]), match[2].lower(), (match[3] or "").strip()
        if fallback and settled:
            continue
        values = _valid(name, value)
        settled = values is not None
        if values is not None:
            _put(found, name, values)
    return found, ""


def _put(found: dict[str, tuple[str, ...]], name: str, values: tuple[str, ...]) -> None:
    if name == "exclude_keys" and name in found:
        found[name] += values
    elif name == "additional_keys" and name in found:
        found[f"{name}#{sum(k.startswith(name) for k in found) + 1}"] = values
    else:
        found.setdefault(name, values)


def _valid(name: str, value: str) -> tuple[str, ...] | None:
    """The value's parts where the decorator counts here, else None."""
    if name in _BARE:
        return () if value.lower() in ("", "true") else None
    if name in _NUMBERS:
        return (value,) if _NUMBER.fullmatch(value) else None
    if name in _LISTS:
        parts = tuple(p.strip() for p in value.split(",") if p.strip())
        return parts or None
    return (value.lower(),) if value.lower() in _CHOICES.get(name, ()) else None


def render(decorators: Mapping[str, Iterable[str]], content: str) -> str:
    """The content with its decorators written in front of it."""
    lines = [f"@@{name.partition('#')[0]} {','.join(values)}".rstrip() for name, values in decorators.items()]
    return "\n".join([*lines, content]) if lines else content
