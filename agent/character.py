"""Characters: who speaks. Plain frozen data; cards and files live in agent.cards and agent.cast."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any


class Kind(StrEnum):
    """MMRole's kinds of characters (section 3.1)."""

    FICTIONAL = "fictional"
    HISTORICAL = "historical"
    HYPOTHETICAL = "hypothetical"


@dataclass(frozen=True)
class Profile:
    """MMRole's five profile sections (section 3.1), plain text each; catchphrases one string each."""

    introduction: str
    personality: str = ""
    life_story: str = ""
    relationships: str = ""
    catchphrases: tuple[str, ...] = ()


class Position(StrEnum):
    BEFORE = "before_char"
    AFTER = "after_char"


@dataclass(frozen=True)
class LoreEntry:
    """One lorebook entry, as Character Card V2 and V3 define it. `content` has no decorators left in it."""

    content: str
    keys: tuple[str, ...] = ()
    secondary_keys: tuple[str, ...] = ()
    enabled: bool = True
    constant: bool = False
    selective: bool = False
    use_regex: bool = False
    case_sensitive: bool = False
    insertion_order: float = 0
    priority: float = 0
    position: Position = Position.BEFORE
    decorators: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    id: str = ""
    name: str = ""


@dataclass(frozen=True)
class Lorebook:
    """`scan_depth` in turns and `token_budget` in tokens; None means the agent's settings decide."""

    entries: tuple[LoreEntry, ...] = ()
    scan_depth: int | None = None
    token_budget: int | None = None
    recursive: bool = False
    name: str = ""


@dataclass(frozen=True)
class Character:
    """A character as the agent needs it.

    `id` is stable, lower-case words joined by hyphens. `origin` and `language` may be empty: a prompt then says
    nothing of them. `nickname` replaces `name` in `{{char}}`. `scene` is a
    card's scenario field (where the two meet); it is not MMRole's scenario. `system_prompt` and
    `post_history`, where a card has them, replace ours (`{{original}}` stands for ours). `face` holds the
    drawing instructions of agent.faces, `portrait` the bytes of a picture that came with a card. `card` is
    the raw imported object: nothing in it is ever dropped.
    """

    id: str
    name: str
    origin: str
    kind: Kind
    profile: Profile
    language: str = "English"
    greeting: str = ""
    other_greetings: tuple[str, ...] = ()
    nickname: str = ""
    scene: str = ""
    examples: tuple[str, ...] = ()
    system_prompt: str = ""
    post_history: str = ""
    lorebook: Lorebook | None = None
    adult: bool = False
    tags: tuple[str, ...] = ()
    creator: str = ""
    creator_notes: str = ""
    face: Mapping[str, str] = field(default_factory=dict)
    portrait: bytes | None = field(default=None, repr=False)
    card: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def spoken_name(self) -> str:
        """The name used in dialogue lines and for `{{char}}`."""
        return self.nickname or self.name

    @property
    def introduced(self) -> str:
        """The name and, where it is known, the origin: for lists that people read."""
        return f"{self.name} ({self.origin})" if self.origin else self.name

    @cached_property
    def version(self) -> str:
        """12 hex digits over everything that can change what the character says; its face cannot."""
        words = json.dumps(self.spoken(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(words.encode()).hexdigest()[:12]

    def spoken(self) -> dict[str, Any]:
        """The JSON-ready fields that reach a prompt, in a fixed layout: what `version` hashes and
        `characters diff` compares."""
        lore = self.lorebook
        return {
            "name": self.name,
            "nickname": self.nickname,
            "origin": self.origin,
            "kind": self.kind.value,
            "language": self.language,
            "introduction": self.profile.introduction,
            "personality": self.profile.personality,
            "life_story": self.profile.life_story,
            "relationships": self.profile.relationships,
            "catchphrases": list(self.profile.catchphrases),
            "greeting": self.greeting,
            "other_greetings": list(self.other_greetings),
            "scene": self.scene,
            "examples": list(self.examples),
            "system_prompt": self.system_prompt,
            "post_history": self.post_history,
            "adult": self.adult,
            "lorebook": None if lore is None else _lore_words(lore),
        }


def _lore_words(book: Lorebook) -> dict[str, Any]:
    return {
        "scan_depth": book.scan_depth,
        "token_budget": book.token_budget,
        "recursive": book.recursive,
        "entries": [
            {
                "content": e.content,
                "keys": list(e.keys),
                "secondary_keys": list(e.secondary_keys),
                "enabled": e.enabled,
                "constant": e.constant,
                "selective": e.selective,
                "use_regex": e.use_regex,
                "case_sensitive": e.case_sensitive,
                "insertion_order": e.insertion_order,
                "priority": e.priority,
                "position": e.position.value,
                "decorators": {k: list(v) for k, v in sorted(e.decorators.items())},
            }
            for e in book.entries
        ],
    }
