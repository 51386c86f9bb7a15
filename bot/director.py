"""Who answers. One pure function; the rule that decided is stored with the turn, and `/why` tells it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.character import Character
from bot.events import Incoming


class Talk(StrEnum):
    """When a channel's character answers without being addressed."""

    ALWAYS = "always"
    PICTURES = "pictures"
    MENTIONED = "mentioned"


@dataclass(frozen=True, slots=True)
class Present:
    """A character active in the channel; `last_spoke` sorts (a turn id, empty if never)."""

    character: Character
    talk: Talk
    last_spoke: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """`rule` is for the journal and for people: it completes "X answered because …"."""

    character: Character
    rule: str


MOST_NAMED = 3  # characters that answer one message which names more


def decide(
    message: Incoming,
    present: Sequence[Present],
    cast: Mapping[str, Character],
    *,
    replied_to: str = "",
    default: Character | None = None,
) -> list[Choice]:
    """The characters that answer a message, in order; nobody is an answer too.

    reply to a character > addressed by the platform or by name > the channel's characters by their talk
    policy > nobody. `replied_to` is the id of the character whose turn the message replies to, `default` who
    answers where the bot itself is addressed and no character is present.
    """
    here = {p.character.id: p.character for p in present}
    everyone = {**cast, **here}
    if replied_to in everyone:
        return [Choice(everyone[replied_to], "the message replies to them")]
    addressed = [everyone[i] for i in message.addressed if i in everyone]
    if addressed:
        return [Choice(c, "the message was addressed to them") for c in addressed]
    named = named_in(message.text, here.values())
    if not named and message.mentions_bot:
        named = named_in(message.text, cast.values())
    if named:
        return [Choice(c, "the message names them") for c in named[:MOST_NAMED]]
    by_policy = _by_policy(message, present)
    if by_policy:
        return [by_policy]
    if message.mentions_bot or message.place.private:
        why = "the bot was mentioned" if message.mentions_bot else "this is a private conversation"
        if present:
            return [
                Choice(
                    _least_recent(present).character, f"{why} and nobody was named; they spoke least recently"
                )
            ]
        if default:
            return [Choice(default, f"{why} and nobody was named; they are the default character")]
    return []


def named_in(text: str, characters: Iterable[Character]) -> list[Character]:
    """The characters a text names as whole words, in the order named. Full names, nicknames, and the last or
    first word of a name of several words where it names one character only."""
    found: list[tuple[int, Character]] = []
    people = list(characters)
    short: dict[str, set[str]] = {}
    for c in people:
        for word in _words(c):
            short.setdefault(word, set()).add(c.id)
    for c in people:
        names = {c.name, c.nickname, c.id.replace("-", " ")} | {w for w in _words(c) if short[w] == {c.id}}
        pattern = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True) if n)
        match = re.search(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE)
        if match:
            found.append((match.start(), c))
    return [c for _, c in sorted(found, key=lambda f: f[0])]


_PARTICLES = {"the", "of", "de", "da", "von", "van", "and", "mr", "mrs", "miss", "dr", "a", "la", "le", "el"}


def _words(c: Character) -> set[str]:
    return {w.lower() for w in re.findall(r"[^\W\d_]{3,}", c.name) if w.lower() not in _PARTICLES}


def _by_policy(message: Incoming, present: Sequence[Present]) -> Choice | None:
    pictures = bool(message.attachments)
    eager = [p for p in present if p.talk is Talk.ALWAYS or (p.talk is Talk.PICTURES and pictures)]
    if not eager:
        return None
    chosen = _least_recent(eager)
    what = "pictures" if chosen.talk is Talk.PICTURES else "every message"
    turn = "" if len(eager) == 1 else "; of those who do, they spoke least recently"
    return Choice(chosen.character, f"they answer {what} in this channel{turn}")


def _least_recent(present: Sequence[Present]) -> Present:
    return min(present, key=lambda p: p.last_spoke)
