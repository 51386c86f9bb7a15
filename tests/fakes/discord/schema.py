"""As much of JSON Schema as Discord's description uses: what is wrong with a value, in words."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

Json = dict[str, Any]
_SNOWFLAKE = re.compile(r"0|[1-9][0-9]{0,19}")


def _date(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}
_FORMATS: dict[str, Callable[[str], bool]] = {
    "snowflake": lambda v: _SNOWFLAKE.fullmatch(v) is not None,
    "date-time": _date,
    "uri": lambda v: re.match(r"[a-z][a-z0-9+.-]*:", v) is not None,
    "nonce": lambda v: len(v) <= 25,
}
_BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda v, bound: v >= bound,
    "maximum": lambda v, bound: v <= bound,
    "minLength": lambda v, bound: len(v) >= bound,
    "maxLength": lambda v, bound: len(v) <= bound,
    "minItems": lambda v, bound: len(v) >= bound,
    "maxItems": lambda v, bound: len(v) <= bound,
    "maxProperties": lambda v, bound: len(v) <= bound,
    "pattern": lambda v, bound: re.search(bound, v) is not None,
    "enum": lambda v, bound: v in bound,
    "const": lambda v, bound: v == bound,
}
_OF: dict[str, Any] = {
    "minimum": int | float,
    "maximum": int | float,
    "minLength": str,
    "maxLength": str,
    "pattern": str,
}
_OF |= {"minItems": list, "maxItems": list, "maxProperties": dict}


class Schemas:
    """`numbers`: ids may be numbers. In what it is sent Discord takes either, though it describes strings alone; in
    what it says itself they are strings."""

    def __init__(self, document: Json, *, numbers: bool = False) -> None:
        self._document, self._numbers = document, numbers

    def resolved(self, schema: Json) -> Json:
        """What a reference means."""
        while "$ref" in schema:
            found: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def wrong(self, schema: Json, value: Any, at: str = "") -> Iterator[str]:
        """Every breach, with the place in the value."""
        schema = self.resolved(schema)
        if self._numbers and schema.get("format") == "snowflake" and type(value) is int:
            value = str(value)
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(_TYPES[kind](value) for kind in kinds):
            yield f"{at or 'it'}: {value!r:.60} is not {' or '.join(kinds)}"
            return
        for key, holds in _BOUNDS.items():
            if key in schema and isinstance(value, _OF.get(key, object)) and not holds(value, schema[key]):
                yield f"{at}: {value!r:.60} breaks {key} {schema[key]!r:.60}"
        holds = _FORMATS.get(schema.get("format", ""), lambda _: True)  # type: ignore[assignment]
        if isinstance(value, str) and not holds(value):  # type: ignore[call-arg]
            yield f"{at}: {value!r:.60} is no {schema['format']}"
        yield from self._inside(schema, value, at)
        for part in schema.get("allOf", ()):
            yield from self.wrong(part, value, at)
        # `oneOf` as `anyOf`: the description's unions overlap (a text channel is also a thread's parent).
        for union in (schema[key] for key in ("oneOf", "anyOf") if key in schema):
            tried = [list(self.wrong(part, value, at)) for part in union]
            if all(tried):  # the last is never the null that stands first
                yield f"{at}: none of {len(tried)} kinds: {min(reversed(tried), key=len)}"

    def _inside(self, schema: Json, value: Any, at: str) -> Iterator[str]:
        if isinstance(value, list) and "items" in schema:
            for number, item in enumerate(value):
                yield from self.wrong(schema["items"], item, f"{at}[{number}]")
        if not isinstance(value, dict):
            return
        known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{at}.{name} is missing"
        for name, item in value.items():
            if name in known:
                yield from self.wrong(known[name], item, f"{at}.{name}")
            elif isinstance(more, dict):
                yield from self.wrong(more, item, f"{at}.{name}")
            elif not more:
                yield f"{at}.{name} is not described"
