"""What a reply is wanted for, and the prompt that asks for it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.backends.base import Message
from agent.character import Character
from agent.dialogue import Dialogue
from agent.picture import Note

Count = Callable[[Sequence[Message]], Awaitable[int]]


@dataclass(frozen=True)
class Ask:
    """What a reply is wanted for.

    `dialogue` is what this character witnessed, the words to answer last; an empty dialogue, or one whose
    last words are the character's own, means: open (or go on with) the conversation. `others` are the
    characters it talks with, by id, for their profiles in inter-role. `notes` by picture hash. `about` is a
    person's steering word for a duet.
    """

    character: Character
    dialogue: Dialogue
    others: Mapping[str, Character] = field(default_factory=dict)
    notes: Mapping[str, Note] = field(default_factory=dict)
    about: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """`hash` identifies text and pictures (16 hex digits), `dropped` counts turns left out, `template` names form and
    version. For agent.speech: `own` and `others` are the labels used, `called` what the character may call itself
    besides."""

    messages: tuple[Message, ...]
    hash: str
    dropped: int
    own: str
    others: tuple[str, ...]
    cache_key: str
    template: str
    called: tuple[str, ...] = ()
