"""Small repairs of single values, with what they replaced kept aside."""

import re
from collections import Counter
from typing import Any

OURS = "vignette"  # our one key in `extensions`


class Mender:
    """Collects repairs (counted, so that a thousand like ones are one line) and the originals they replaced.

    `originals` maps a path such as `data.character_book.entries[3].keys` to the value that could not be kept
    in its place.
    """

    def __init__(self) -> None:
        self.notes: Counter[str] = Counter()
        self.originals: dict[str, Any] = {}

    def note(self, text: str) -> None:
        self.notes[text] += 1

    def lines(self) -> tuple[str, ...]:
        return tuple(text if n == 1 else f"{text} ({n} times)" for text, n in self.notes.items())

    def aside(self, path: str, value: Any, text: str) -> None:
        """`value` is kept as an original and the repair told; a later card's original never hides a first."""
        free, n = path, 2
        while free in self.originals and self.originals[free] != value:
            free, n = f"{path}#{n}", n + 1
        self.originals[free] = value
        self.note(text)

    def string(self, holder: dict[str, Any], key: str, path: str) -> None:
        """holder[key] becomes a string."""
        value = holder.get(key)
        if isinstance(value, str):
            return
        label = _label(f"{path}.{key}")
        if value is None:
            self.note(f"{label} was {'null' if key in holder else 'missing'}, now empty")
            holder[key] = ""
        elif isinstance(value, list) and all(isinstance(v, str) for v in value):
            holder[key] = "\n".join(value)
            self.aside(f"{path}.{key}", value, f"{label} was a list: its lines were joined")
        elif isinstance(value, bool | int | float):
            holder[key] = str(value)
            self.aside(f"{path}.{key}", value, f"{label} was a number, now text")
        else:
            holder[key] = ""
            self.aside(f"{path}.{key}", value, f"{label} was no text: it was set aside")

    def strings(self, holder: dict[str, Any], key: str, path: str, *, commas: bool = False) -> None:
        """holder[key] becomes a list of strings; with `commas` a lone string is split at them."""
        value, label = holder.get(key), _label(f"{path}.{key}")
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return
        if value is None or value == "":
            if key in holder:
                self.note(f"{label} was {'null' if value is None else 'a string'}, now an empty list")
            holder[key] = []
        elif isinstance(value, str):
            holder[key] = [p.strip() for p in value.split(",") if p.strip()] if commas else [value]
            self.aside(f"{path}.{key}", value, f"{label} was a string, now a list")
        elif isinstance(value, list | dict):
            items = value if isinstance(value, list) else list(value.values())
            kept = [str(v) for v in items if isinstance(v, str | int | float) and not isinstance(v, bool)]
            holder[key] = kept
            self.aside(f"{path}.{key}", value, f"{label} was no list of texts: {len(kept)} could be kept")
        else:
            holder[key] = []
            self.aside(f"{path}.{key}", value, f"{label} was no list: it was set aside")

    def flag(self, holder: dict[str, Any], key: str, path: str, default: bool | None) -> None:
        """holder[key] becomes a bool, or with default None is removed where it says nothing."""
        value, label = holder.get(key), _label(f"{path}.{key}")
        if isinstance(value, bool):
            return
        told = {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower())
        made = default if told is None else told
        if key in holder:
            if value is None:
                self.note(f"{label} was null")
            else:
                self.aside(f"{path}.{key}", value, f"{label} was no true or false")
        if made is None:
            holder.pop(key, None)
        else:
            holder[key] = made

    def number(self, holder: dict[str, Any], key: str, path: str, default: float | None) -> None:
        """holder[key] becomes a number, or with default None is removed where it says nothing."""
        value, label = holder.get(key), _label(f"{path}.{key}")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return
        made: float | None = default
        if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,15}(\.\d{1,9})?\s*", value):
            made = float(value) if "." in value else int(value)
        if key in holder:
            if value is None or value == "":
                self.note(f"{label} was empty")
            else:
                self.aside(f"{path}.{key}", value, f"{label} was no number")
        if made is None:
            holder.pop(key, None)
        else:
            holder[key] = made

    def mapping(self, holder: dict[str, Any], key: str, path: str) -> dict[str, Any]:
        """holder[key] becomes an object, which is returned."""
        value, label = holder.get(key), _label(f"{path}.{key}")
        if not isinstance(value, dict):
            if value is not None and value != []:
                self.aside(f"{path}.{key}", value, f"{label} was no object: it was set aside")
            elif key in holder:
                self.note(f"{label} was no object, now empty")
            holder[key] = {}
        made: dict[str, Any] = holder[key]
        return made


def _label(path: str) -> str:
    """The path without positions, so that like repairs of many entries count as one."""
    return re.sub(r"\[\d+\]", "[]", path.removeprefix("data."))
