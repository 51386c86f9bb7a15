"""What the forms of a prompt share: names and labels, which pictures are seen, lore, macros."""

import hashlib
import random
from collections.abc import Sequence

from agent import lore
from agent.backends.base import Message, Part
from agent.character import Character, LoreEntry
from agent.dialogue import Speaker, SpeakerKind
from agent.labels import ANONYMOUS, clean_words, labels, one_line
from agent.macros import expand
from agent.prompt.ask import Ask, Prompt
from agent.settings import PromptSettings
from agent.speech import called


class Draft:
    """One ask, to be rendered with more or less dropped. `template` names the form and its version."""

    template = ""

    def __init__(self, ask: Ask, settings: PromptSettings, *, sees: bool, seed: int) -> None:
        self.ask, self.settings, self.seed = ask, settings, seed
        me = ask.character
        turns = ask.dialogue.turns
        present = [Speaker(me.id, me.spoken_name, SpeakerKind.CHARACTER)]
        present += [Speaker(c.id, c.spoken_name, SpeakerKind.CHARACTER) for c in ask.others.values()]
        self.labels = labels([*present, *(t.speaker for t in turns)])
        self.own = self.labels[me.id]
        self.name, self.language = one_line(me.name), one_line(me.language)
        self.partner = self._partner()
        pictures = list({p.sha256: p for t in turns for p in t.pictures}.values())
        self.numbers = {p.sha256: n for n, p in enumerate(pictures, 1)}
        # A picture that is shown again (a reply to it brings it back) counts, and is drawn, where it was last.
        self.last = {p.sha256: t.id for t in turns for p in t.pictures}
        latest = list(dict.fromkeys(p.sha256 for t in reversed(turns) for p in reversed(t.pictures)))
        self.pixels = set(latest[: settings.pictures] if sees else [])

    def _partner(self) -> str:
        """The label of whoever is answered; in an empty dialogue, of the other character."""
        me = self.ask.character.id
        spoken = [t.speaker.id for t in reversed(self.ask.dialogue.turns) if t.speaker.id != me and t.text]
        spoken += [i for i in self.ask.others if i != me]
        spoken += [t.speaker.id for t in self.ask.dialogue.turns if t.speaker.id != me]
        return self.labels[spoken[0]] if spoken else ANONYMOUS

    def prompt(self, messages: tuple[Message, ...], dropped: int, head: str) -> Prompt:
        """`head` tells apart the heads that this character can have."""
        digest = hashlib.sha256()
        for message in messages:
            for part in message.parts:
                digest.update(part.encode() if isinstance(part, str) else part.sha256.encode())
                digest.update(b"\0")
        me = self.ask.character
        names = (self.name, one_line(me.nickname))
        others = tuple(label for i, label in self.labels.items() if i != me.id)
        return Prompt(
            messages,
            digest.hexdigest()[:16],
            dropped,
            self.own,
            others,
            f"{me.id}@{me.version}/{self.template}/{head}",
            self.template,
            called(names, others),
        )

    # Lore and macros.

    def triggered(self) -> tuple[LoreEntry, ...]:
        book, turns = self.ask.character.lorebook, self.ask.dialogue.turns
        if book is None:
            return ()
        mine = sum(t.speaker.id == self.ask.character.id for t in turns)
        return lore.triggered(
            book,
            [t.text for t in turns],
            count=lambda text: -(-len(text) // 4),
            token_budget=self.settings.lore_tokens if book.token_budget is None else book.token_budget,
            scan_depth=self.settings.lore_depth if book.scan_depth is None else book.scan_depth,
            rng=random.Random(self.seed),
            turn_count=mine,
        )

    def constant(self) -> tuple[LoreEntry, ...]:
        book = self.ask.character.lorebook
        return lore.constant(book) if book else ()

    def expand(
        self, text: str, *, original: str = "", who: Character | None = None, here: bool = False
    ) -> str:
        name = (who or self.ask.character).spoken_name
        # The head must not differ between channels: there {{user}} is nobody in particular.
        user = self.partner if here and self.partner != ANONYMOUS else "the other"
        return clean_words(expand(text, char=name, user=user, original=original))


def joined(parts: Sequence[Part]) -> list[Part]:
    """Neighbouring texts become one part."""
    joined: list[Part] = []
    for part in parts:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined
