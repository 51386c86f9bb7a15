"""Requests in the form one server takes. Every server takes another subset of parameters; which one is
learned from its refusals, not from a list of names.
"""

import asyncio
import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from agent.backends.base import Message, Request
from agent.backends.remote.estimate import MAX_SIDE, fitted
from agent.backends.remote.refusal import read
from agent.errors import PictureError
from agent.picture import Picture

OPTIONAL = (
    "stream_options", "top_k", "min_p", "repetition_penalty", "repeat_penalty", "seed", "temperature", "top_p",
    "stop", "logprobs", "max_tokens", "stream",
)  # fmt: skip
EXTRAS = ("top_k", "min_p", "repetition_penalty", "repeat_penalty", "stream_options")
MAX_STOPS = 4  # OpenAI's limit; the rest is watched for here
SMALL_SIDE = 512  # pixels, where a server finds pictures too large
UNSEEN = "(An earlier picture, which is not shown again.)"


@dataclass(frozen=True)
class Shape:
    """How pictures go out: at most so many, the last ones; the longer side in pixels; as JPEG whatever they are."""

    most: int = 1_000
    side: int = MAX_SIDE
    jpeg: bool = False


class Dialect:
    """What one server accepts. `learn` takes a refusal in and says whether another form can be tried."""

    def __init__(self) -> None:
        self._dropped: set[str] = set()
        self._most_tokens = 0
        self._folded = False
        self._shape = Shape()

    def learn(self, words: str, body: dict[str, Any]) -> bool:
        """Changes what `words` refuse of `body`, and nothing else. (Not "what is not changed yet": of two overlapping
        requests the second learns it too late. A picture is made smaller, or a JPEG, once.)"""
        refused = read(words, body, OPTIONAL, EXTRAS)
        if not refused.known:
            return False
        shape = self._shape
        if (refused.smaller and shape.side == SMALL_SIDE) or (refused.jpeg and shape.jpeg):
            return False
        self._dropped |= refused.dropped
        self._most_tokens = refused.most_tokens or self._most_tokens
        self._folded |= refused.system
        self._shape = Shape(
            shape.most if refused.pictures is None else refused.pictures,
            SMALL_SIDE if refused.smaller else shape.side,
            shape.jpeg or refused.jpeg,
        )
        return True

    @property
    def seeds(self) -> bool:
        return "seed" not in self._dropped

    async def body(self, request: Request, model: str, *, logprobs: bool = False) -> dict[str, Any]:
        """The JSON body of a chat completion."""
        s = request.sampling
        tokens = min(s.max_tokens, self._most_tokens or s.max_tokens)
        full: dict[str, Any] = {
            "max_tokens": tokens,
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
            kept["max_completion_tokens"] = tokens
        if "stream" in self._dropped:
            kept.pop("stream_options", None)
        if request.grammar is not None:
            schema = {"name": "reply", "strict": True, "schema": request.grammar}
            kept["response_format"] = {"type": "json_schema", "json_schema": schema}
        messages = folded(request.messages) if self._folded else request.messages
        return {"model": model, "messages": await spoken(messages, self._shape), **kept}


def folded(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The system's words at the head of the first user turn, for models that know no system role."""
    told = "\n\n".join(m.text for m in messages if m.role == "system")
    rest = [m for m in messages if m.role != "system"]
    if not rest or rest[0].role != "user":
        return (Message("user", (told,)), *rest)
    return (Message("user", (f"{told}\n\n", *rest[0].parts)), *rest[1:])


async def spoken(messages: Sequence[Message], shape: Shape | None = None) -> list[dict[str, Any]]:
    """Messages as the API takes them: plain text where there are no pictures, which every server knows."""
    shape = shape or Shape()
    earlier = max(0, sum(len(m.pictures) for m in messages) - shape.most)
    out: list[dict[str, Any]] = []
    for message in messages:
        parts = list(message.parts)
        for at, part in enumerate(parts):
            if isinstance(part, Picture) and earlier:
                parts[at], earlier = UNSEEN, earlier - 1
        if any(isinstance(p, Picture) for p in parts):
            out.append({"role": message.role, "content": [await _part(p, shape) for p in parts]})
        else:
            out.append({"role": message.role, "content": "".join(str(p) for p in parts)})
    return out


async def _part(part: str | Picture, shape: Shape) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image_url", "image_url": {"url": await asyncio.to_thread(_data_url, part, shape)}}


@lru_cache(maxsize=16)
def _data_url(picture: Picture, shape: Shape) -> str:
    """The picture as a data URL, scaled down to what vision models look at. Blocking. Raises PictureError."""
    size = fitted(picture.width, picture.height, shape.side)
    try:
        data, mime = picture.read(), picture.mime
        if size != (picture.width, picture.height) or (shape.jpeg and mime != "image/jpeg"):
            data, mime = _scaled(data, shape.side), "image/jpeg"
    except (OSError, ValueError) as error:
        raise PictureError(f"a stored picture cannot be read: {error}", where=str(picture.path)) from error
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def _scaled(data: bytes, side: int) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGBA").resize(fitted(*image.size, side))
        paper = Image.new("RGB", small.size, "white")
        paper.paste(small, mask=small.getchannel("A"))
    out = io.BytesIO()
    paper.save(out, "JPEG", quality=90)
    return out.getvalue()
