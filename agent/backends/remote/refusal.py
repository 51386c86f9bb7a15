"""What a server's refusal is about: a parameter, its value, a pair of them, the system role, or the pictures.

Read from its words alone, in whatever status or wrapper they came. What a refusal suggests instead of what it refuses
is not refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_SUGGESTED = re.compile(
    r"did you mean.*|(please )?\b(use|try)\b ['\"`][^.]*|instead of.*|supported (parameter|field|value)s? (are|is).*"
    r"|(must|should) be one of.*",
    re.IGNORECASE | re.DOTALL,
)
_UNKNOWN = re.compile(
    r"unrecogni[sz]ed|unknown|unsupported|not (supported|permitted|allowed|available)|does(n't| not) support"
    r"|unexpected|extra.?(inputs|fields|forbidden)|extra_forbidden|invalid (param|argument)|additional propert",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"(must|should|has to) be|out of range|invalid (value|type)|(less|greater|more) than|at (most|least)"
    r"|only the default|exceed|too (large|small|high|low|many)|larger than|maximum|not a valid",
    re.IGNORECASE,
)
_PAIR = re.compile(r"\bboth\b|mutually exclusive|either .{0,60} or |together|only one of", re.IGNORECASE)
_PLAIN = ("stop", "stream", "seed")  # words that a refusal may use for something else
_STRANGE = re.compile(
    r"(param|argument|field|propert)|extra.?(inputs|forbidden)|extra_forbidden", re.IGNORECASE
)
_SYSTEM = re.compile(
    r"system.{0,20}(role|message|prompt|instruction).{0,60}(not|n't|un)\s?-?(support|allow|permit)"
    r"|role.{0,60}(not|n't).{0,20}support.{0,20}system|only (support\w* )?.{0,20}user and assistant"
    r"|(developer|system) instruction is not enabled|unsupported (message )?role.{0,20}system|conversation roles must",
    re.IGNORECASE | re.DOTALL,
)
_COUNT = re.compile(
    r"at most (?P<a>\d{1,3}) (image|picture)"
    r"|(?P<b>\d{1,3}) (image|picture)s?\W.{0,40}(at most|maximum|limit|allow|per (request|prompt))"
    r"|(maximum|limit|up to|more than).{0,30}?(?P<c>\d{1,3}) (image|picture)"
    r"|(only|exactly) (?P<one>one|1|a single) (image|picture)"
    r"|(?P<many>(too many|multiple|several|more than one) (image|picture)s?)",
    re.IGNORECASE | re.DOTALL,
)
_SIZE = re.compile(
    r"(image|picture).{0,60}(too (large|big)|exceed|larger than|pixels|maximum.{0,20}(size|dimension|resolution))",
    re.IGNORECASE | re.DOTALL,
)
_FORM = re.compile(
    r"(image|picture|media|mime).{0,40}(format|type).{0,60}(not|n't|un|invalid|only)"
    r"|(unsupported|invalid) (image|media) (format|type)|(png|webp).{0,30}not supported",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Refusal:
    """`dropped`: parameters to leave out. `most_tokens`: the bound to keep below, 0 for none. `pictures`: how many may
    go along, None where that was not refused."""

    dropped: frozenset[str] = field(default_factory=frozenset)
    most_tokens: int = 0
    system: bool = False
    pictures: int | None = None
    smaller: bool = False
    jpeg: bool = False

    @property
    def known(self) -> bool:
        return self != Refusal()


def read(words: str, body: Mapping[str, Any], optional: Sequence[str], extras: Sequence[str]) -> Refusal:
    """Of a request with this body. `optional` parameters can be left out; all `extras` at once where the refusal names
    none of the body's fields."""
    roles = {m.get("role") for m in body.get("messages", ()) if isinstance(m, Mapping)}
    if "system" in roles and _SYSTEM.search(words):
        return Refusal(system=True)
    if pictures := _pictures(words, body):
        return pictures
    refused = _SUGGESTED.sub(" ", words)
    named = [name for name in body if re.search(rf"(?<![a-z_]){name}(?![a-z_])", refused, re.IGNORECASE)]
    fit = [name for name in named if name in optional]
    if len(fit) > 1 and _PAIR.search(words):
        return Refusal(frozenset(fit[-1:]))
    if fit and _UNKNOWN.search(refused):
        return Refusal(frozenset(fit))
    fit = [name for name in fit if name not in _PLAIN or re.search(f"['\"`]{name}['\"`]", words)]
    if fit and _VALUE.search(words):
        return _value(words, body, fit)
    mine = [name for name in named if name not in ("model", "messages")]
    if not mine and _UNKNOWN.search(words) and _STRANGE.search(words):
        return Refusal(frozenset(set(extras) & set(body)))
    return Refusal()


def _value(words: str, body: Mapping[str, Any], fit: Sequence[str]) -> Refusal:
    """A parameter whose value was refused is left to the server; a bound on the reply is kept below what it allows."""
    if "max_tokens" not in fit:
        return Refusal(frozenset(fit))
    asked = body["max_tokens"]
    allowed = [int(n) for n in re.findall(r"(?<![\w.])\d{2,7}(?![\w.]\d)", words) if int(n) < asked]
    return Refusal(most_tokens=max(allowed)) if allowed else Refusal(frozenset(fit))


def _pictures(words: str, body: Mapping[str, Any]) -> Refusal | None:
    sent = sum(
        isinstance(part, Mapping) and part.get("type") == "image_url"
        for message in body.get("messages", ())
        for part in (message["content"] if isinstance(message.get("content"), list) else ())
    )
    if not sent:
        return None
    if sent > 1 and (found := _COUNT.search(words)):
        told = next((int(n) for n in (found["a"], found["b"], found["c"]) if n), 1)
        return Refusal(pictures=told if 0 < told < sent else 1)
    if _SIZE.search(words):
        return Refusal(smaller=True)
    return Refusal(jpeg=True) if _FORM.search(words) else None
