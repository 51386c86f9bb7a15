"""What an OpenAI-compatible server's errors mean: another try, another server, or a person's help."""

import re
from collections.abc import Mapping

from agent.backends.remote.words import told, wait
from agent.errors import BackendDown, BackendError, BackendRefused, NotTaken, PromptError, VignetteError

_CONTEXT = re.compile(
    r"context_length_exceeded|exceed_context_size|maximum context length|context (size|window|length)"
    r"|prompt is too long|input is too long|too many tokens|longer than the maximum model length",
    re.IGNORECASE,
)
_BLIND = re.compile(
    r"(image|vision|multi-?modal|mmproj).{0,80}(not|n't|un)\s?-?(support|enabled|allowed|available)"
    r"|(not|n't|un)\s?-?support.{0,60}(image|vision|multi-?modal)|not a multi-?modal model|image_url.{0,40}invalid"
    r"|no endpoints? found that support (image|vision)",
    re.IGNORECASE | re.DOTALL,
)
# No money: waiting is of no use. The other words stand for limits that pass, too, which then say for how long.
_EMPTY = re.compile(
    r"insufficient_quota|(insufficient|no|not enough) (account )?(balance|credits?|funds)", re.IGNORECASE
)
_QUOTA = re.compile(r"exceeded your current quota|billing", re.IGNORECASE)
_NOWHERE = re.compile(
    r"unexpected endpoint|unknown (endpoint|route|path|url)|invalid url|no (such )?(route|endpoint)|cannot post",
    re.IGNORECASE,
)
CONTENT = frozenset({400, 415, 422})  # it is what was sent that is refused, not who sent it or when
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})


class Again(BackendDown):
    """Worth another try at the same server, after `seconds` (0: as the back-off says)."""

    def __init__(self, what: str, *, seconds: float = 0.0, where: str = "", mend: str = "") -> None:
        super().__init__(what, where=where, mend=mend)
        self.seconds = seconds


def failure(
    status: int, body: object, *, where: str, key_env: str, headers: Mapping[str, str] | None = None
) -> VignetteError:
    """The error to raise for an HTTP status (or a status named inside a stream) and its body."""
    words, asked = told(body), wait(headers or {}, body)
    if _NOWHERE.search(words):
        status = 404
    if status in (400, 413, 422, 500) and _CONTEXT.search(words):
        return PromptError(
            f"the prompt is longer than the server's context: {words}",
            where=where,
            mend="lower agent.openai.context to what the server has",
        )
    if status in (400, 404, 415, 422, 500, 501) and _BLIND.search(words):
        return NotTaken(
            f"this model takes no pictures: {words}", where=where, mend="set agent.abilities.sees = false"
        )
    if status == 402 or _EMPTY.search(words) or (status == 429 and not asked and _QUOTA.search(words)):
        return BackendRefused(
            f"the account's quota is used up: {words}",
            where=where,
            mend="check the account's plan and billing",
        )
    if status in AGAIN or status >= 500:
        return Again(
            f"the server answered {status}: {words}",
            seconds=asked,
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
    kind = NotTaken if status in CONTENT else BackendRefused
    return kind(f"the server answered {status}: {words}", where=where, mend=mend)
