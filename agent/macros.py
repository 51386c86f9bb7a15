"""Curly braced macros of character cards (Character Card V3, "Curly Braced Syntaxes"; V2's {{original}})."""

import random
import re

from agent.character import Character

_INNERMOST = re.compile(r"\{\{((?:(?!\{\{|\}\})[\s\S])*)\}\}")
_ANGLED = re.compile(r"<(user|char|bot)>", re.IGNORECASE)
_KEPT = re.compile("\0(\\d+)\0")
_COMMA = re.compile(r"(?<!\\),")
_ROLL = re.compile(r"(\d{0,2})d?(\d{1,9})", re.IGNORECASE)
_ROUNDS = 12  # macros nested deeper than this stay as they are
_HIDDEN = re.compile(r"\{\{\s*hidden_key\s*:([^{}]*)\}\}", re.IGNORECASE)
_COMMENT = re.compile(r"\{\{\s*(?://|comment\s*:)[^{}]*\}\}", re.IGNORECASE)


def expand(
    text: str,
    *,
    char: str,
    user: str,
    original: str = "",
    rng: random.Random | None = None,
    seed: int | str = 0,
) -> str:
    """`text` with its macros replaced, in any case of letters; unknown ones stay.

    `{{char}}`, `{{user}}` (also `<char>`, `<bot>`, `<user>`), `{{original}}` (the first one; further ones are
    empty), `{{random:a,b}}` and `{{roll:d6}}` from `rng` or from `seed`, `{{pick:a,b}}` always the same for
    one text and seed, `{{reverse:a}}`; `{{// a}}`, `{{comment:a}}` and `{{hidden_key:a}}` vanish. Names and
    `original` are put in as they are: macros inside them do nothing. The same arguments give the same text.
    """
    if "{{" not in text and "<" not in text:
        return text
    return _Expansion(text, char, user, original, rng, str(seed)).run()


def shown(text: str, character: Character, *, user: str = "") -> str:
    """A text of the character's card as people read it; `user` is whoever reads (empty: nobody knows)."""
    return expand(text, char=character.spoken_name, user=user or "you").strip()


def known(macro: str) -> bool:
    """Is `{{macro}}` replaced in prompts? The one list of macros is `expand` itself."""
    return expand(macro, char="a", user="b", original="c") != macro


def scannable(text: str, *, recursive: bool = False) -> str:
    """`text` as lorebook keys see it: no comments, and hidden keys only where it is scanned recursively."""
    return _HIDDEN.sub(r"\1" if recursive else "", _COMMENT.sub("", text)) if "{{" in text else text


class _Expansion:
    """One text's expansion. What is done is kept aside under a number, so that it is never read again."""

    def __init__(
        self, text: str, char: str, user: str, original: str, rng: random.Random | None, seed: str
    ) -> None:
        self.text = text.replace("\0", "")
        self.names = {"char": char, "bot": char, "user": user}
        self.originals = [original]
        self.rng = rng or random.Random(f"{seed}|{text}")
        self.seed = f"{seed}|{text}"
        self.done: list[str] = []

    def run(self) -> str:
        text = _ANGLED.sub(lambda m: self._keep(self.names[m[1].lower()]), self.text)
        for _ in range(_ROUNDS):
            text, count = _INNERMOST.subn(lambda m: self._macro(m[1], m[0]), text)
            if not count:
                break
        return self._restore(text)

    def _keep(self, text: str) -> str:
        self.done.append(text)
        return f"\0{len(self.done) - 1}\0"

    def _restore(self, text: str) -> str:
        return _KEPT.sub(lambda m: self.done[int(m[1])], text)

    def _macro(self, inner: str, whole: str) -> str:
        body = inner.strip()
        if body.startswith("//"):
            return ""
        name, colon, value = body.partition(":")
        name = name.strip().lower()
        if not colon and name in ("char", "user"):
            return self._keep(self.names[name])
        if not colon and name == "original":
            return self._keep(self.originals.pop() if self.originals else "")
        if name in ("comment", "hidden_key") and colon:
            return ""
        made = self._valued(name, value) if colon else self._spaced(body)
        return self._keep(self._restore(whole if made is None else made))

    def _spaced(self, body: str) -> str | None:
        """`{{roll d6}}`, as older programs write it."""
        name, _, value = body.partition(" ")
        return self._roll(value) if name.lower() == "roll" else None

    def _valued(self, name: str, value: str) -> str | None:
        if name == "random":
            return self.rng.choice(_options(value))
        if name == "pick":
            return random.Random(f"{self.seed}|{self._restore(value)}").choice(_options(value))
        if name == "roll":
            return self._roll(value)
        return self._restore(value)[::-1] if name == "reverse" else None

    def _roll(self, value: str) -> str | None:
        match = _ROLL.fullmatch(value.strip().lstrip(":"))
        if match is None or int(match[2]) < 1:
            return None
        dice = int(match[1] or 1) if "d" in value.lower() else 1
        sides = int(match[2]) if "d" in value.lower() else int(match[1] + match[2])
        return str(sum(self.rng.randint(1, sides) for _ in range(dice)))


def _options(value: str) -> list[str]:
    """`a,b` with `\\,` for a comma, or SillyTavern's `:a::b`."""
    if value.startswith(":"):
        parts = value[1:].split("::")
        if len(parts) > 1:
            return parts
        value = value[1:]
    return [part.replace("\\,", ",") for part in _COMMA.split(value)]
