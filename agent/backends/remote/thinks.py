"""What has been learned of a model's thinking: where it begins, and how much room it takes."""

from dataclasses import replace

from agent.backends.base import Finish, Request
from agent.backends.remote.chunks import Ended
from agent.backends.text import Cleaner
from agent.errors import BackendRefused

ROOM = 2_048  # tokens for thinking, beside those of the reply


class NoRoom(Exception):
    """The thinking used up all tokens, or was mistaken for one that never ends: ask again, as is known now."""


class Thinks:
    """Of one server's model. `inside`: the mark of a block that the server's template opens and does not send; known
    once its end was seen, mostly by the first probe. `room`: tokens that are added to each request."""

    def __init__(self) -> None:
        self.inside = ""
        self.room = 0
        self._mistaken = False

    def widened(self, request: Request, left: int) -> Request:
        """With the room for thinking, as far as the context has it: `left` tokens for thinking and reply."""
        sampling = request.sampling
        most = max(sampling.max_tokens, min(sampling.max_tokens + self.room, left))
        return replace(request, sampling=replace(sampling, max_tokens=most))

    def learn(self, request: Request, cleaner: Cleaner, ended: Ended | None, where: str) -> None:
        """Raises NoRoom, once, where thinking left nothing for the reply, and once where a block that was thought to be
        open never ended; BackendRefused where even the added room was not enough."""
        if self.inside and not cleaner.spoken and ended is not None and ended.finish is Finish.STOP:
            self.inside, self._mistaken = "", True  # one stray mark must not silence a model for ever
            raise NoRoom
        if not self._mistaken:
            self.inside = cleaner.think.unopened or self.inside
        thought = cleaner.think.thought or (ended is not None and ended.thought)
        if cleaner.spoken or not thought or ended is None or ended.finish is not Finish.LIMIT:
            return
        if not self.room:
            self.room = ROOM
            raise NoRoom
        raise BackendRefused(
            f"the model's thinking used up all {request.sampling.max_tokens} tokens",
            where=where,
            mend="raise max_tokens in [agent.sampling], or switch the model's thinking off",
        )
