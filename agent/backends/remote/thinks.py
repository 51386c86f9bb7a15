"""What has been learned of a model's thinking: where it begins, and how much room it takes."""

from dataclasses import replace

from agent.backends.base import Finish, Request
from agent.backends.remote.chunks import Ended
from agent.backends.text import Cleaner
from agent.errors import BackendRefused

ROOM = 2_048  # tokens for thinking, beside those of the reply


class NoRoom(Exception):
    """The thinking used up all tokens: ask again, with the room that was added."""


class Thinks:
    """Of one server's model. `inside`: the mark of a block that the server's template opens and does not send; known
    once its end was seen, mostly by the first probe. `room`: tokens that are added to each request."""

    def __init__(self) -> None:
        self.inside = ""
        self.room = 0

    def widened(self, request: Request) -> Request:
        sampling = request.sampling
        return replace(request, sampling=replace(sampling, max_tokens=sampling.max_tokens + self.room))

    def learn(self, request: Request, cleaner: Cleaner, ended: Ended | None, where: str) -> None:
        """Raises NoRoom, the first time, where thinking left nothing for the reply; BackendRefused where even the added
        room was not enough."""
        self.inside = cleaner.think.unopened or self.inside
        thought = cleaner.think.thought or (ended is not None and ended.thought)
        spoken = cleaner.spoken
        if spoken or not thought or ended is None or ended.finish is not Finish.LIMIT:
            return
        if not self.room:
            self.room = ROOM
            raise NoRoom
        raise BackendRefused(
            f"the model's thinking used up all {request.sampling.max_tokens} tokens",
            where=where,
            mend="raise max_tokens in [agent.sampling], or switch the model's thinking off",
        )
