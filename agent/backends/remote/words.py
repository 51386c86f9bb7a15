"""A server's own words about an error, from whatever it wraps them in; and the wait it asks for."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_DEEP = 8  # wrappings: a proxy puts a provider's answer as a string into its own
_WORDS = ("message", "detail", "details", "msg", "status_msg", "error_description", "reason", "title")
_INNER = ("error", "errors", "metadata", "raw", "base_resp", "body", "response")
_LAST = ("code", "type", "param", "loc")
_UNITS = {
    "ms": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
}
_AMOUNT = r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|sec|second|m|min|minute|h)?s?"
_IN_WORDS = re.compile(rf"(?:retry|try again|wait)\D{{0,30}}?{_AMOUNT}\b", re.IGNORECASE)
_DELAYS = ("retryDelay", "retry_after", "retryAfter", "retry_after_seconds", "retry-after")


def told(body: object, limit: int = 300) -> str:
    """On one line, without control characters."""
    found: Any = body
    if isinstance(found, Mapping):
        found = found.get("error") or found
    words = " ".join(dict.fromkeys(_words(found, 0)))
    if not words and isinstance(found, Mapping):
        words = json.dumps(dict(found), default=str)
    text = "".join(c if c.isprintable() else " " for c in words)
    return " ".join(text.split())[:limit]


def _words(found: Any, depth: int) -> Iterator[str]:
    if depth > _DEEP or found is None:
        return
    if isinstance(found, str):
        inner = _json(found)
        if inner is None:
            yield found
        else:
            yield from _words(inner, depth + 1)
    elif isinstance(found, Mapping):
        for name in (*_WORDS, *_INNER):
            yield from _words(found.get(name), depth + 1)
        for name in _LAST:
            value = found.get(name)
            if isinstance(value, list | tuple):
                value = ".".join(str(part) for part in value[:_DEEP])
            if isinstance(value, str | int) and value:
                yield str(value)
    elif isinstance(found, Sequence):
        for one in found[:_DEEP]:
            yield from _words(one, depth + 1)


def _json(text: str) -> Any:
    """The object or list that a string holds, None for any other string."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def wait(headers: Mapping[str, str], body: object) -> float:
    """Seconds that a server asks to wait, 0 where it does not: RFC 9110, 10.2.3; OpenAI's `retry-after-ms`; a field or
    the words of the body. The first form that can be read counts."""
    for seconds in _waits(headers, body):
        if seconds > 0:
            return seconds
    return 0.0


def _waits(headers: Mapping[str, str], body: object) -> Iterator[float]:
    yield _amount(headers.get("retry-after-ms", ""), "ms")
    yield _amount(headers.get("retry-after", ""), "s") or _until(headers.get("retry-after", ""))
    yield _field(body, 0)
    if spoken := _IN_WORDS.search(told(body, 2_000)):
        yield _amount(f"{spoken[1]}{spoken[2] or 's'}", "s")


def _amount(text: object, usual: str) -> float:
    found = re.fullmatch(_AMOUNT, str(text).strip(), re.IGNORECASE)
    return float(found[1]) * _UNITS[(found[2] or usual).lower()] if found else 0.0


def _until(text: str) -> float:
    try:
        then = parsedate_to_datetime(text)
        then = then if then.tzinfo else then.replace(tzinfo=UTC)
        return max(0.0, (then - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _field(found: Any, depth: int) -> float:
    if depth > _DEEP:
        return 0.0
    if isinstance(found, str):
        return _field(_json(found), depth + 1)
    if isinstance(found, Mapping):
        named = max((_amount(found[name], "s") for name in _DELAYS if name in found), default=0.0)
        return named or max((_field(value, depth + 1) for value in found.values()), default=0.0)
    if isinstance(found, list | tuple):
        return max((_field(one, depth + 1) for one in found[:_DEEP]), default=0.0)
    return 0.0
