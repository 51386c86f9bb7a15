"""Exact token counts from servers that offer them: vLLM's `/tokenize` with messages, llama-server's
`/apply-template` with `/tokenize`. Any other server, or a slow one, leaves the estimate.
"""

import time
from collections import OrderedDict
from collections.abc import Sequence

from agent.backends.base import Message
from agent.backends.remote.estimate import message_tokens, picture_tokens, pictures_of
from agent.backends.remote.server import Server

SLOW = 0.05  # seconds: a prompt is counted many times while it is built
KEPT = 256
Words = tuple[tuple[str, str], ...]


class Counter:
    """Counts prompts for one server. `floor` is the least a picture is taken to cost, learned from replies."""

    def __init__(self, server: Server, floor: int) -> None:
        self._server, self.floor = server, floor
        self._offered: bool | None = None
        self._known: OrderedDict[Words, int] = OrderedDict()

    async def count(self, messages: Sequence[Message]) -> int:
        """Prompt tokens: exact for text where the server counts, an upper estimate otherwise."""
        if self._offered is not False:
            exact = await self._exact(tuple((m.role, m.text) for m in messages))
            if exact is not None:
                return exact + sum(picture_tokens(p, self.floor) for p in pictures_of(messages))
        return self.estimate(messages)

    def estimate(self, messages: Sequence[Message]) -> int:
        return message_tokens(messages, self.floor)

    def learn(self, messages: Sequence[Message], prompt_tokens: int) -> None:
        """Raises `floor` where a reply's usage shows that pictures cost more than was thought."""
        if pictures := len(pictures_of(messages)):
            words = message_tokens([Message(m.role, (m.text,)) for m in messages])
            self.floor = max(self.floor, -(-(prompt_tokens - words) // pictures))

    async def _exact(self, words: Words) -> int | None:
        if words in self._known:
            self._known.move_to_end(words)
            return self._known[words]
        began = time.monotonic()
        found = await self._asked(words)
        if self._offered is None:
            self._offered = found is not None and time.monotonic() - began < SLOW
        if found is None or not self._offered:
            self._offered = False  # a server that stopped counting is not asked again
            return None
        self._known[words] = found
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found

    async def _asked(self, words: Words) -> int | None:
        messages = [{"role": role, "content": text} for role, text in words]
        templated = await self._server.get("/apply-template", {"messages": messages}, 1.0)
        if isinstance(templated, dict) and isinstance(templated.get("prompt"), str):
            ask = {"content": templated["prompt"], "add_special": True, "parse_special": True}
            return _length(await self._server.get("/tokenize", ask, 1.0))
        ask = {"model": self._server.endpoint.model, "messages": messages}
        return _length(await self._server.get("/tokenize", ask, 1.0))


def _length(told: object) -> int | None:
    if not isinstance(told, dict):
        return None
    count, tokens = told.get("count"), told.get("tokens")
    if isinstance(count, int) and count > 0:
        return count
    return len(tokens) or None if isinstance(tokens, list) else None
