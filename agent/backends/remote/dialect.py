"""Requests in the form one server takes. Every server takes another subset of parameters; which one is
learned from its refusals, not from a list of names.
"""

import asyncio
import base64
import io
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from agent.backends.base import Message, Request
from agent.backends.remote.estimate import MAX_SIDE, fitted
from agent.errors import PictureError
from agent.picture import Picture

OPTIONAL = (
    "stream_options", "top_k", "min_p", "repetition_penalty", "repeat_penalty", "seed", "temperature", "top_p",
    "stop", "logprobs", "max_tokens", "stream",
)  # fmt: skip
EXTRAS = ("top_k", "min_p", "repetition_penalty", "repeat_penalty", "stream_options")
MAX_STOPS = 4  # OpenAI's limit; the rest is watched for here
_UNKNOWN = re.compile(
    r"unrecogni[sz]ed|unknown|unsupported|not (supported|permitted|allowed|available)|does(n't| not) support"
    r"|unexpected|extra.?(inputs|fields|forbidden)|extra_forbidden|invalid (param|argument)|additional propert",
    re.IGNORECASE,
)
_STRANGE = re.compile(
    r"(param|argument|field|propert)|extra.?(inputs|forbidden)|extra_forbidden", re.IGNORECASE
)


class Dialect:
    """What one server accepts. `learn` takes a refusal in and says whether another form can be tried."""

    def __init__(self) -> None:
        self._dropped: set[str] = set()

    def learn(self, words: str, body: dict[str, Any]) -> bool:
        """Drops the optional parameters of `body` that a refusal names, or all non-standard ones if it names
        none. (Not "those not dropped yet": of two overlapping requests the second learns it too late.)"""
        if not _UNKNOWN.search(words):
            return False
        named = {p for p in OPTIONAL if p in body and re.search(rf"(?<![a-z_]){p}(?![a-z_])", words)}
        if not named and _STRANGE.search(words):
            named = set(EXTRAS) & set(body)
        self._dropped |= named
        return bool(named)

    @property
    def seeds(self) -> bool:
        return "seed" not in self._dropped

    async def body(self, request: Request, model: str, *, logprobs: bool = False) -> dict[str, Any]:
        """The JSON body of a chat completion."""
        s = request.sampling
        full: dict[str, Any] = {
            "max_tokens": s.max_tokens,
            "temperature": s.temperature,
            "top_p": s.top_p,
            "top_k": s.top_k,
            "min_p": s.min_p,
            "repeat_penalty": s.repeat_penalty,  # llama.cpp's and Ollama's name
            "repetition_penalty": s.repeat_penalty,  # vLLM's, SGLang's and OpenRouter's
            "seed": s.seed,
            "stop": [x for x in s.stop if x][:MAX_STOPS] or None,
            "stream": True,
            "stream_options": {"include_usage": True},
            "logprobs": True if logprobs else None,
        }
        kept = {k: v for k, v in full.items() if v is not None and k not in self._dropped}
        if "max_tokens" in self._dropped:
            kept["max_completion_tokens"] = s.max_tokens
        if "stream" in self._dropped:
            kept.pop("stream_options", None)
        if request.grammar is not None:
            schema = {"name": "reply", "strict": True, "schema": request.grammar}
            kept["response_format"] = {"type": "json_schema", "json_schema": schema}
        return {"model": model, "messages": await spoken(request.messages), **kept}


async def spoken(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as the API takes them: plain text where there are no pictures, which every server knows."""
    return [
        {"role": m.role, "content": [await _part(p) for p in m.parts] if m.pictures else m.text}
        for m in messages
    ]


async def _part(part: str | Picture) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image_url", "image_url": {"url": await asyncio.to_thread(_data_url, part)}}


@lru_cache(maxsize=16)
def _data_url(picture: Picture) -> str:
    """The picture as a data URL, scaled down to what vision models look at. Blocking. Raises PictureError."""
    try:
        data, mime = picture.read(), picture.mime
        if fitted(picture.width, picture.height) != (picture.width, picture.height):
            data, mime = _scaled(data), "image/jpeg"
    except (OSError, ValueError) as error:
        raise PictureError(f"a stored picture cannot be read: {error}", where=str(picture.path)) from error
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def _scaled(data: bytes) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGBA").resize(fitted(*image.size, MAX_SIDE))
        paper = Image.new("RGB", small.size, "white")
        paper.paste(small, mask=small.getchannel("A"))
    out = io.BytesIO()
    paper.save(out, "JPEG", quality=90)
    return out.getvalue()
