"""The contract between the agent and whatever runs a model.

A backend is started once, says what it can do, counts tokens, and streams replies. It knows nothing of
characters. All backends pass the same contract tests (tests/agent/backends/).
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Literal, Protocol

from agent.picture import Picture

Role = Literal["system", "user", "assistant"]
Part = str | Picture


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message: text and pictures in the order they are meant to be read."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(p for p in self.parts if isinstance(p, str))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(p for p in self.parts if isinstance(p, Picture))


class Priority(IntEnum):
    """Who is served first: lower goes first. A person waiting, then a duet, then work nobody waits for."""

    PERSON = 0
    DUET = 1
    BACKGROUND = 2


class Finish(StrEnum):
    STOP = "stop"  # the model ended, or a stop string was met (it is not in the text)
    LIMIT = "limit"  # max_tokens reached, or the context is full


@dataclass(frozen=True, slots=True)
class Sampling:
    """How words are chosen. `seed` None draws one, which the backend reports. `max_tokens` bounds the reply."""

    max_tokens: int = 256
    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.05
    repeat_penalty: float = 1.1
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One reply to make. `grammar` is a JSON schema the reply must meet, only where abilities.grammar.

    `cache_key` names the unchanging head of the prompt (character and template version): a hint with no
    effect on the answer.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    priority: Priority = Priority.PERSON
    grammar: dict[str, Any] | None = None
    adapter: str | None = None
    cache_key: str = ""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What was found by probing (never by a list of names), or what config.toml says.

    `sees`: reads pictures. `context`: tokens for prompt and reply together. `weights`: how many the model has,
    0 where nobody says. `source`: `probed`, `config`, or a mixture, for people who wonder.
    """

    sees: bool
    streams: bool
    grammar: bool
    adapters: bool
    logprobs: bool
    context: int
    source: str = "probed"
    weights: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Some new text of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """Ends every complete stream, exactly once.

    Token counts are the backend's own; `cached_tokens` of the prompt were not evaluated again. `model` names
    what answered (for the journal), `seed` the one that was used, None where the server does not say.
    """

    finish: Finish
    prompt_tokens: int
    reply_tokens: int
    model: str
    cached_tokens: int = 0
    seed: int | None = None
    cost: float = 0.0


class Backend(Protocol):
    """What runs the model.

    `model` identifies it for the journal (name and content hash or revision, never a path). `start` is
    idempotent. `generate` yields any number of Pieces, then one Done; it raises BackendError (never returns
    half a stream as if whole). Closing the iterator (`aclose`, or cancelling the task that reads it) stops
    the generation promptly. Calls may overlap; a backend serves them as it can.
    """

    @property
    def model(self) -> str: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def abilities(self) -> Abilities: ...

    async def count(self, messages: Sequence[Message]) -> int:
        """Prompt tokens of these messages, template included; an upper bound where only a guess is possible."""
        ...

    def generate(self, request: Request) -> AsyncIterator[Piece | Done]: ...
