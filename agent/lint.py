"""What is weak in a character, said so that its maker can mend it; and what changed between two versions."""

import difflib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from agent.cast.names import fold, is_id
from agent.character import Character
from agent.faces.look import wrong_words
from agent.lore.keys import expressions, fault
from agent.macros import known

THIN = {"introduction": 120, "personality": 200, "life_story": 200, "relationships": 120}
"""Characters a section should have at least: MMRole's own profiles lie far above."""

MOST_TOKENS = 900
CHARACTERS_A_TOKEN = 4
LONGEST_PHRASE = 160
FEWEST_PHRASES = 3
MOST_PHRASES = 40  # each is compared with each


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing to mend: how bad, in which field, what is wrong, what would be right."""

    level: Level
    field: str
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.level}: {self.field}: {self.what}" + (f" ({self.mend})" if self.mend else "")


_GENERIC = {
    "hello", "hi", "hey", "yes", "no", "ok", "okay", "sure", "of course", "indeed", "well", "wow", "oh", "ah",
    "i see", "interesting", "how interesting", "very interesting", "thank you", "thanks", "goodbye", "bye",
    "good morning", "good day", "nice to meet you", "how are you", "let us begin", "lets go", "i love you",
    "never give up", "believe in yourself", "follow your dreams", "carpe diem", "life is beautiful", "amazing",
    "knowledge is power", "time is money", "what a beautiful picture", "nice picture", "i dont know", "maybe",
}  # fmt: skip
_ASSISTANT = re.compile(
    r"as an ai\b|\bai (?:language )?model\b|language model|i am an ai\b|i'm an ai\b|virtual assistant|"
    r"how (?:can|may) i (?:help|assist) you|i(?:'m| am) here to (?:help|assist)|feel free to ask|"
    r"as a large language|my training data|knowledge cutoff|i cannot assist with",
    re.IGNORECASE,
)
_MACRO = re.compile(
    r"\{\{[^{}]*\}\}|<(?:user|bot|char|start)>|\[(?:insert|todo|your)[^\[\]]*\]", re.IGNORECASE
)
_FOR_USER = re.compile(
    r"^[^\S\n]*(?:\{\{user\}\}|<user>|you|user)\s*:"
    r"|\{\{user\}\}\s+(?:says?|said|replie[sd]|answers?|answered|thinks?|thought|feels?|felt|decides?|decided)\b"
    r"|\*\s*you (?:say|reply|answer|think|feel|decide|nod|smile|blush)\b",
    re.IGNORECASE | re.MULTILINE,
)
_NESTED = re.compile(r"\((?:[^()\\]|\\.)*(?:[+*]|\{\d+,\d*\})(?:[^()\\]|\\.)*\)\s*(?:[+*]|\{\d+,\d*\})")
_ALTERNATIVES = re.compile(r"\(([^()|]+)(?:\|[^()|]+)*\|\1[^()|]*\)[+*]")
_BACKREFERENCE = re.compile(r"\\[1-9]|\(\?P=")


def lint(character: Character) -> list[Finding]:
    """Findings, the worst first. An empty list is a character nothing can be said against."""
    found = [finding for check in _CHECKS for finding in check(character)]
    order = list(Level)
    return sorted(found, key=lambda finding: order.index(finding.level))


_TITLES = {"the", "miss", "mrs", "lord", "lady", "sir", "doctor", "captain", "saint"}


def _identity(c: Character) -> Iterator[Finding]:
    if not is_id(c.id):
        yield Finding(Level.ERROR, "id", f"{c.id!r} cannot be an id", "lower-case words joined by hyphens")
    if not fold(c.name):
        yield Finding(Level.ERROR, "name", "the name has no letters", "give the name people call it by")
    if not c.origin.strip():
        yield Finding(
            Level.WARNING, "origin", "it is empty", "say the book, the time and place, the walk of life"
        )
    mentions = fold(c.profile.introduction).split()
    named = [w for w in fold(f"{c.name} {c.nickname}").split() if w not in _TITLES]
    words = [w for w in named if len(w) > 2 or not w.isascii()]
    if mentions and words and not any(word in mentions for word in words):
        if c.profile.introduction.lstrip().lower().startswith(("he ", "she ", "they ", "you ", "{{char}}")):
            return
        mend = f"begin it with {c.name}, or correct the name"
        yield Finding(Level.WARNING, "introduction", f"it never names {c.name}", mend)


def _sections(c: Character) -> Iterator[Finding]:
    for field, least in THIN.items():
        text = str(getattr(c.profile, field)).strip()
        if not text:
            yield Finding(Level.ERROR, field, "the section is missing", _ADVICE[field])
        elif _weight(text) < least:
            what = f"it is thin: {len(text)} characters, at least {least} carry a voice"
            yield Finding(Level.WARNING, field, what, _ADVICE[field])
    if not c.greeting.strip():
        yield Finding(
            Level.WARNING, "greeting", "there is none", "one or two sentences that ask for a picture"
        )
    profile = c.profile
    parts = (profile.introduction, profile.personality, profile.life_story, profile.relationships)
    tokens = sum(_weight(part) for part in (*parts, *profile.catchphrases)) // CHARACTERS_A_TOKEN
    if tokens > MOST_TOKENS:
        what = f"it takes about {tokens} tokens of every prompt, {MOST_TOKENS} are advised"
        yield Finding(Level.WARNING, "profile", what, "move what matters rarely into a lorebook")


_ADVICE = {
    "introduction": "who they are, when and where, in three sentences",
    "personality": "how they talk, what they notice in pictures, what they would never say",
    "life_story": "what made them so, and where their knowledge of the world ends",
    "relationships": "the people they would mention, each with a feeling",
}


def _weight(text: str) -> int:
    """Length in Latin characters: one of Chinese, Japanese or Korean says as much as three of them."""
    return len(text) + 2 * sum("\u2e80" <= c <= "\ud7ff" for c in text)


def _catchphrases(c: Character) -> Iterator[Finding]:
    phrases = c.profile.catchphrases
    if not phrases:
        yield Finding(
            Level.ERROR, "catchphrases", "the section is missing", "three to six things only they say"
        )
    elif len(phrases) < FEWEST_PHRASES:
        what = f"there are only {len(phrases)}"
        yield Finding(Level.WARNING, "catchphrases", what, "three to six make a voice; fewer become a tic")
    if len(phrases) > MOST_PHRASES:
        what = f"there are {len(phrases)}; those after the first {MOST_PHRASES} were not looked at"
        yield Finding(Level.WARNING, "catchphrases", what, "three to six make a voice")
        phrases = phrases[:MOST_PHRASES]
    seen: dict[str, str] = {}
    for phrase in phrases:
        plain = fold(phrase)
        if plain in seen:
            yield Finding(Level.WARNING, "catchphrases", f"{phrase!r} stands there twice", "remove one")
        elif close := next((old for old in seen if _alike(old, plain)), None):
            yield Finding(
                Level.WARNING, "catchphrases", f"{phrase!r} says the same as {seen[close]!r}", "keep one"
            )
        seen[plain] = phrase
        yield from _phrase(phrase, plain)
    strange = [p for p in phrases if _content(p) and not _content(p) & _content(_manner(c, p))]
    if 2 * len(strange) > len(phrases):
        what = f"nothing else in the character leads to {'; '.join(map(repr, strange))}"
        yield Finding(
            Level.NOTE, "catchphrases", what, "let the profile or the greeting show where they come from"
        )


def _alike(a: str, b: str) -> bool:
    return difflib.SequenceMatcher(None, a, b).ratio() > 0.85


def _phrase(phrase: str, plain: str) -> Iterator[Finding]:
    if not plain:
        yield Finding(Level.WARNING, "catchphrases", f"{phrase!r} has no words", "remove it")
    elif plain in _GENERIC or (len(plain) < 3 and plain.isascii()):
        what = f"{phrase!r} says nothing: anybody could say it"
        yield Finding(Level.WARNING, "catchphrases", what, "take words that only they would choose")
    elif len(phrase) > LONGEST_PHRASE:
        what = f"{phrase[:40]!r}... is {len(phrase)} characters long"
        yield Finding(Level.WARNING, "catchphrases", what, "a catchphrase is said in one breath")


def _manner(c: Character, phrase: str) -> str:
    p = c.profile
    others = [other for other in p.catchphrases[:MOST_PHRASES] if other != phrase]
    prose = (p.introduction, p.personality, p.life_story, p.relationships, c.name, c.origin)
    return " ".join((*prose, c.greeting, *c.other_greetings, *c.examples, *others))


def _content(text: str) -> set[str]:
    """Stems of the words that carry meaning; in scripts without blanks, single signs."""
    words = fold(text).split()
    return {w[:5] for w in words if len(w) > 3 and w.isascii()} | {
        s for w in words if not w.isascii() for s in w
    }


def _words(c: Character) -> Iterator[Finding]:
    for field, text in _texts(c):
        if found := _ASSISTANT.search(text):
            what = f"{found[0]!r} is an assistant's phrase"
            yield Finding(Level.WARNING, field, what, "say it as the character would, or leave it out")
        for macro in sorted(set(_MACRO.findall(text))):
            if not known(macro):
                yield Finding(
                    Level.WARNING, field, f"{macro} is a leftover", "replace it by what it stands for"
                )
    for greeting in (c.greeting, *c.other_greetings):
        if _FOR_USER.search(greeting):
            mend = "let the character speak and act only for itself"
            yield Finding(Level.WARNING, "greeting", "it speaks for the person", mend)
    for key, what, mend in wrong_words(c.face):
        yield Finding(Level.WARNING, f"face.{key}", what, mend)


def _texts(c: Character) -> Iterator[tuple[str, str]]:
    for field, value in c.spoken().items():
        if isinstance(value, str):
            yield field, value
        elif isinstance(value, list):
            yield from ((field, item) for item in value if isinstance(item, str))
    for entry in c.lorebook.entries if c.lorebook else ():
        yield "lorebook", entry.content


def _lore(c: Character) -> Iterator[Finding]:
    for number, entry in enumerate(c.lorebook.entries if c.lorebook else (), 1):
        field = f"lorebook entry {number}" + (f" ({entry.name})" if entry.name else "")
        if not entry.content.strip():
            yield Finding(Level.WARNING, field, "it has no content", "write some, or remove it")
        if entry.enabled and not entry.constant and not any(k.strip() for k in entry.keys):
            yield Finding(
                Level.WARNING, field, "it has no keys and is not constant: it never comes up", "add keys"
            )
        for key in expressions(entry):
            if why := fault(key) or _slow(key):
                yield Finding(Level.ERROR, field, f"the expression {key[:60]!r} {why}", "write a simpler one")


def _slow(expression: str) -> str:
    """Why a sound regular expression had better not be used; empty where nothing speaks against it."""
    if _NESTED.search(expression) or _ALTERNATIVES.search(expression):
        return "repeats a repetition, which can take for ever"
    return "refers back to itself, which can take for ever" if _BACKREFERENCE.search(expression) else ""


_CHECKS: tuple[Callable[[Character], Iterator[Finding]], ...] = (
    _identity,
    _sections,
    _catchphrases,
    _words,
    _lore,
)


def diff(old: Character, new: Character) -> str:
    """What changed of that which reaches a prompt, field by field; empty where nothing did.

    Sentences are compared, so that a changed word shows its sentence and not a whole section.
    """
    before, after = old.spoken(), new.spoken()
    parts = []
    for field in before:
        if before[field] != after[field]:
            lines = difflib.ndiff(_lines(before[field]), _lines(after[field]))
            shown = [f"  {line}" for line in lines if line[0] in "+-"]
            parts.append("\n".join([f"{field}:", *shown]))
    if not parts:
        return ""
    return "\n".join([f"{old.name} {old.version} -> {new.name} {new.version}", *parts]) + "\n"


def _lines(value: object) -> list[str]:
    if isinstance(value, str):
        return re.split(r"(?<=[.!?。！？])\s+|\n+", value) if value else []
    if isinstance(value, list):
        return [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in value]
    if isinstance(value, dict):
        entries = value.get("entries", [])
        rest = {key: part for key, part in value.items() if key != "entries"}
        return [json.dumps(rest), *(json.dumps(entry, ensure_ascii=False) for entry in entries)]
    return [json.dumps(value)]
