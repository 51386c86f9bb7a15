"""What an OpenAI-compatible server's errors mean: another try, another server, or a person's help."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from agent.errors import BackendDown, BackendError, BackendRefused, PromptError, VignetteError

_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|context (size|window|length)"
    r"|prompt is too long|input is too long|too many tokens|longer than the maximum model length",
    re.IGNORECASE,
)
_BLIND = re.compile(
    r"(image|vision|multi-?modal|mmproj).{0,80}(not|n't|un)\s?-?(support|enabled|allowed|available)"
    r"|(not|n't|un)\s?-?support.{0,60}(image|vision|multi-?modal)|not a multi-?modal model|image_url.{0,40}invalid",
    re.IGNORECASE | re.DOTALL,
)
_QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|billing|insufficient (balance|credits?|funds)", re.I
)
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})


class Again(BackendDown):
    """Worth another try at the same server, after `seconds` (0: as the back-off says)."""

    def __init__(self, what: str, *, seconds: float = 0.0, where: str = "", mend: str = "") -> None:
        super().__init__(what, where=where, mend=mend)
        self.seconds = seconds


def told(body: object, limit: int = 300) -> str:
    """A server's own words about an error, on one line, without control characters."""
    found: Any = body
    if isinstance(found, Mapping):
        found = found.get("error", found)
    if isinstance(found, Mapping):
        words = [str(found[k]) for k in ("message", "detail", "code", "type") if found.get(k)]
        found = " ".join(words) or json.dumps(dict(found), default=str)
    text = "".join(c if c.isprintable() else " " for c in str(found or ""))
    return " ".join(text.split())[:limit]


def failure(
    status: int, body: object, *, where: str, key_env: str, headers: Mapping[str, str] | None = None
) -> VignetteError:
    """The error to raise for an HTTP status (or a status named inside a stream) and its body."""
    words = told(body)
    if status in (400, 413, 422, 500) and _CONTEXT.search(words):
        return PromptError(
            f"the prompt is longer than the server's context: {words}",
            where=where,
            mend="lower agent.openai.context to what the server has",
        )
    if status in (400, 404, 415, 422, 500, 501) and _BLIND.search(words):
        return BackendRefused(
            f"this model takes no pictures: {words}", where=where, mend="set agent.abilities.sees = false"
        )
    if status == 402 or (status == 429 and _QUOTA.search(words)):
        return BackendRefused(
            f"the account's quota is used up: {words}",
            where=where,
            mend="check the account's plan and billing",
        )
    if status in AGAIN or status >= 500:
        return Again(
            f"the server answered {status}: {words}",
            seconds=retry_after(headers or {}),
            where=where,
            mend="wait, or add a second endpoint to agent.openai.endpoints",
        )
    return _refusal(status, words, where, key_env)


def _refusal(status: int, words: str, where: str, key_env: str) -> BackendError:
    name = key_env or "no variable: set key_env"
    mend = {
        401: f"check the key in the environment ({name})",
        403: f"see whether the key ({name}) may use this model",
        404: "check base_url (for most servers it ends in /v1) and the model's name",
    }.get(status, "the server's own words say what it wants; check base_url and model")
    if 300 <= status < 400:
        mend = "the server redirects: put its final address in base_url"
    return BackendRefused(f"the server answered {status}: {words}", where=where, mend=mend)


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait (RFC 9110, 10.2.3; OpenAI's `retry-after-ms`), 0 where it does not."""
    try:
        if ms := headers.get("retry-after-ms"):
            return max(0.0, float(ms) / 1000)
        value = headers.get("retry-after", "")
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return float(value)
        if value:
            then = parsedate_to_datetime(value)
            then = then if then.tzinfo else then.replace(tzinfo=UTC)
            return max(0.0, (then - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        pass
    return 0.0
