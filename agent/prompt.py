"""MMRole's prompts, fitted into a token budget.

The parts and their order follow MMRole (arXiv 2408.04203, section 4 and its published samples): an
instruction to step into the character's shoes, the profile, in inter-role the partner's profile, auxiliary
information on the picture, the conversation as `[Name]: words` lines, the request. The wording is ours. What
never changes for a character (instruction, profile, constant lore) comes first and alone, in the system
message, so that every channel shares its cached state.

Dropped first when the budget is short: example dialogue, then triggered lore, then the oldest turns, then the
pixels of all pictures but the last. Never: the profile, the current words, the current picture.

Whatever was written by others (cards too) is cleaned before it goes in: `clean_words`.
"""

import hashlib
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agent import lore
from agent.backends.base import Message, Part
from agent.character import Character, LoreEntry, Position
from agent.dialogue import Dialogue, Scenario, Speaker, SpeakerKind, Turn
from agent.errors import PromptError
from agent.labels import ANONYMOUS, clean_words, labels, listing, one_line
from agent.macros import expand
from agent.picture import Maker, Note
from agent.settings import PromptSettings
from agent.speech import called

TEMPLATE_VERSION = "mmrole-1"  # a test holds the hash of rendered samples against it: change both together

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
    """`hash` identifies text and pictures (16 hex digits), `dropped` counts turns left out. For agent.speech:
    `own` and `others` are the labels used, `called` what the character may call itself besides."""

    messages: tuple[Message, ...]
    hash: str
    dropped: int
    own: str
    others: tuple[str, ...]
    cache_key: str
    called: tuple[str, ...] = ()


async def build(
    ask: Ask, settings: PromptSettings, *, sees: bool, budget: int, count: Count, seed: int = 0
) -> Prompt:
    """The prompt for one reply, of at most `budget` tokens as `count` counts them.

    Raises PromptError if profile and current words alone exceed the budget.
    """
    draft = _Draft(ask, settings, sees=sees, seed=seed)
    turns = ask.dialogue.turns
    for examples, lore_on in ((True, True), (False, True), (False, False)):
        messages = draft.messages(0, examples, lore_on)
        if await count(messages) <= budget:
            return draft.prompt(messages, 0, examples)
    low, high = 0, max(0, len(turns) - 1)  # the current words always stay
    if await count(draft.messages(high, False, False)) > budget:
        if len(draft.pixels) > 1:
            fewer = settings.model_copy(update={"pictures": 1})
            return await build(ask, fewer, sees=sees, budget=budget, count=count, seed=seed)
        raise PromptError(
            f"the profile of {ask.character.name} and the current words alone exceed {budget} tokens",
            where=f"character {ask.character.id}",
            mend="shorten the profile (`characters lint` tells its length) or the message, or raise the context",
        )
    while high - low > 1:
        middle = (low + high) // 2
        if await count(draft.messages(middle, False, False)) <= budget:
            high = middle
        else:
            low = middle
    return draft.prompt(draft.messages(high, False, False), high, False)


class _Draft:
    """One ask, rendered with more or less dropped."""

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

    def prompt(self, messages: tuple[Message, ...], dropped: int, examples: bool) -> Prompt:
        digest = hashlib.sha256()
        for message in messages:
            for part in message.parts:
                digest.update(part.encode() if isinstance(part, str) else part.sha256.encode())
                digest.update(b"\0")
        names = (self.name, one_line(self.ask.character.nickname))
        others = tuple(label for i, label in self.labels.items() if i != self.ask.character.id)
        key = f"{self.ask.character.id}@{self.ask.character.version}/{TEMPLATE_VERSION}/{int(examples)}"
        return Prompt(
            messages, digest.hexdigest()[:16], dropped, self.own, others, key, called(names, others)
        )

    def messages(self, dropped: int, examples: bool, lore_on: bool) -> tuple[Message, ...]:
        head = Message("system", (self._head(examples),))
        return (head, Message("user", tuple(_joined(self._body(dropped, lore_on)))))

    # The head: the same for every channel of this character.

    def _head(self, examples: bool) -> str:
        me = self.ask.character
        ours = (
            f"Step into the shoes of {me.name} from {me.origin} and stay in them: you are talking about pictures with "
            "the people and characters you meet. This asks for a deep understanding of who you are: your personality, "
            "what you lived through, what you can do, and whom you know."
        )
        constant = [e for e in self._constant() if lore.depth(e) is None]
        parts = [
            self._expand(me.system_prompt, original=ours) if me.system_prompt else clean_words(ours),
            *(self._expand(e.content) for e in constant if e.position is Position.BEFORE),
            self._profile(me),
            *(self._expand(e.content) for e in constant if e.position is Position.AFTER),
        ]
        if me.scene:
            parts.append(f"Where you are: {self._expand(me.scene)}")
        if examples and me.examples:
            parts.append("This is how you talk:\n" + self._examples(me))
        return "\n\n".join(p for p in parts if p)

    def _profile(self, who: Character) -> str:
        p = who.profile
        sections = (
            ("Brief introduction", p.introduction),
            ("Personality", p.personality),
            ("Life story", p.life_story),
            ("Main interpersonal relationships", p.relationships),
            ("Catchphrases", "\n".join(f"- {c}" for c in p.catchphrases)),
        )
        lines = (
            f"### {title}\n{self._expand(text, who=who).strip()}" for title, text in sections if text.strip()
        )
        return f"The profile of {one_line(who.name)}:\n" + "\n".join(lines)

    def _examples(self, me: Character) -> str:
        limit = self.settings.example_tokens * 4  # four characters a token: close enough for a bound
        kept: list[str] = []
        for example in me.examples:
            if sum(map(len, kept)) + len(example) > limit:
                break
            kept.append(self._expand(example).strip())
        return "\n\n".join(kept)

    # The body: this dialogue.

    def _body(self, dropped: int, lore_on: bool) -> list[Part]:
        ask, turns = self.ask, self.ask.dialogue.turns
        words = clean_words(turns[-1].text) if turns and turns[-1].speaker.id != ask.character.id else ""
        answered = bool(words)
        history = turns[dropped:-1] if answered else turns[dropped:]
        body: list[Part] = []
        if ask.dialogue.scenario is Scenario.INTER_ROLE:
            body += [f"{self._profile(c)}\n\n" for c in ask.others.values() if c.id != ask.character.id]
        triggered = self._triggered() if lore_on else ()
        deep: dict[int, list[LoreEntry]] = {}
        for entry in (*self._constant(), *triggered):
            if lore.depth(entry) is not None:
                deep.setdefault(lore.place(entry, len(history), answered), []).append(entry)
        if history:
            body += self._history(history, deep)
        near = [*deep.get(len(history), ()), *(e for e in triggered if lore.depth(e) is None)]
        body += [f"{self._expand(e.content, here=True)}\n\n" for e in near]
        if answered:
            body += self._pictures(turns[-1])
        body.append(self._request(words, started=bool(history)))
        if ask.character.post_history:
            body.append("\n\n" + self._expand(ask.character.post_history, here=True))
        return body

    def _history(self, history: Sequence[Turn], deep: Mapping[int, Sequence[LoreEntry]]) -> list[Part]:
        names = list(dict.fromkeys([self.own, *(self.labels[t.speaker.id] for t in history)]))
        body: list[Part] = [f"The conversation so far between {listing(names)}:\n"]
        for at, turn in enumerate(history):
            body += [f"{self._expand(e.content, here=True)}\n" for e in deep.get(at, ())]
            body += self._line(turn)
        return [*body, "\n"]

    def _line(self, turn: Turn) -> list[Part]:
        shown = self._pictures(turn)
        words = clean_words(turn.text).replace("\n", "\n  ")
        if not words:
            return [f"({self.labels[turn.speaker.id]} shows a picture.)\n", *shown] if shown else []
        return [*shown, f"[{self.labels[turn.speaker.id]}]: {words}\n"]

    def _pictures(self, turn: Turn) -> list[Part]:
        parts: list[Part] = []
        for picture in turn.pictures:
            note = self.ask.notes.get(picture.sha256)
            name = f"Picture {self.numbers[picture.sha256]}"
            if self.last[picture.sha256] != turn.id:
                parts.append(f"({name}, which is shown again below.)\n")
            elif picture.sha256 in self.pixels:
                told = f" ({one_line(note.text)})" if note and note.maker is Maker.PERSON else ""
                parts += [f"{name}{told}: ", picture, "\n"]
            else:
                told = one_line(note.text) if note else "nothing is known of what it shows"
                parts.append(f"({name}. What is known of it: {told})\n")
        return parts

    def _request(self, words: str, *, started: bool) -> str:
        name, partner = self.name, self.partner
        who = "the curious human" if partner == ANONYMOUS else partner
        manner = f"in {self.language}, in the tone, manner and vocabulary of {name}."
        manner += f" Give nothing but {name}'s words."
        about = f" Speak of this: {one_line(self.ask.about)}" if self.ask.about else ""
        if words:
            topic = "the picture" if self.numbers else "it"
            bearing = f", with {topic} in mind," if self.numbers else ""
            return f"Answer the following words of {who}{bearing} {manner}{about}\n{words}"
        if self.ask.dialogue.scenario is Scenario.COMMENTARY or not self.ask.others:
            return f"Tell {who} what you make of the picture, {manner}{about}"
        if started and any(t.text for t in self.ask.dialogue.turns):
            return f"Go on with the conversation with {who} about the picture, {manner}{about}"
        return f"Open a conversation with {who} about the picture, {manner}{about}"

    # Lore and macros.

    def _triggered(self) -> tuple[LoreEntry, ...]:
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

    def _constant(self) -> tuple[LoreEntry, ...]:
        book = self.ask.character.lorebook
        return lore.constant(book) if book else ()

    def _expand(
        self, text: str, *, original: str = "", who: Character | None = None, here: bool = False
    ) -> str:
        name = (who or self.ask.character).spoken_name
        # The head must not differ between channels: there {{user}} is nobody in particular.
        user = self.partner if here and self.partner != ANONYMOUS else "the other"
        return clean_words(expand(text, char=name, user=user, original=original))


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Neighbouring texts become one part."""
    joined: list[Part] = []
    for part in parts:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined
