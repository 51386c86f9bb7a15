"""MMRole's prompt, whole.

The parts and their order follow MMRole (arXiv 2408.04203, section 4 and its published samples): an
instruction to step into the character's shoes, the profile, in inter-role the partner's profile, auxiliary
information on the picture, the conversation as `[Name]: words` lines, the request. The wording is ours. What
never changes for a character (instruction, profile, constant lore) comes first and alone, in the system
message, so that every channel shares its cached state.

Whatever was written by others (cards too) is cleaned before it goes in: `clean_words`.
"""

from collections.abc import Mapping, Sequence

from agent import lore
from agent.backends.base import Message, Part
from agent.character import Character, LoreEntry, Position
from agent.dialogue import Scenario, Turn
from agent.labels import ANONYMOUS, clean_words, listing, one_line
from agent.picture import Maker
from agent.prompt.draft import Draft, joined


class Full(Draft):
    """A test holds the hash of rendered samples against the version in `template`: change both together."""

    template = "mmrole-1"

    def messages(self, dropped: int, examples: bool, lore_on: bool) -> tuple[Message, ...]:
        """Without the first `dropped` turns, with or without the card's examples and triggered lore."""
        head = Message("system", (self._head(examples),))
        return (head, Message("user", tuple(joined(self._body(dropped, lore_on)))))

    # The head: the same for every channel of this character.

    def _head(self, examples: bool) -> str:
        me = self.ask.character
        who = f"{me.name} from {me.origin}" if me.origin.strip() else me.name
        ours = (
            f"Step into the shoes of {who} and stay in them: you are talking about pictures with "
            "the people and characters you meet. This asks for a deep understanding of who you are: your personality, "
            "what you lived through, what you can do, and whom you know."
        )
        constant = [e for e in self.constant() if lore.depth(e) is None]
        parts = [
            self.expand(me.system_prompt, original=ours) if me.system_prompt else clean_words(ours),
            *(self.expand(e.content) for e in constant if e.position is Position.BEFORE),
            self._profile(me),
            *(self.expand(e.content) for e in constant if e.position is Position.AFTER),
        ]
        if me.scene:
            parts.append(f"Where you are: {self.expand(me.scene)}")
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
            f"### {title}\n{self.expand(text, who=who).strip()}" for title, text in sections if text.strip()
        )
        return f"The profile of {one_line(who.name)}:\n" + "\n".join(lines)

    def _examples(self, me: Character) -> str:
        limit = self.settings.example_tokens * 4  # four characters a token: close enough for a bound
        kept: list[str] = []
        for example in me.examples:
            if sum(map(len, kept)) + len(example) > limit:
                break
            kept.append(self.expand(example).strip())
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
        triggered = self.triggered() if lore_on else ()
        deep: dict[int, list[LoreEntry]] = {}
        for entry in (*self.constant(), *triggered):
            if lore.depth(entry) is not None:
                deep.setdefault(lore.place(entry, len(history), answered), []).append(entry)
        if history:
            body += self._history(history, deep)
        near = [*deep.get(len(history), ()), *(e for e in triggered if lore.depth(e) is None)]
        body += [f"{self.expand(e.content, here=True)}\n\n" for e in near]
        if answered:
            body += self._pictures(turns[-1])
        body.append(self._request(words, started=bool(history)))
        if ask.character.post_history:
            body.append("\n\n" + self.expand(ask.character.post_history, here=True))
        return body

    def _history(self, history: Sequence[Turn], deep: Mapping[int, Sequence[LoreEntry]]) -> list[Part]:
        names = list(dict.fromkeys([self.own, *(self.labels[t.speaker.id] for t in history)]))
        body: list[Part] = [f"The conversation so far between {listing(names)}:\n"]
        for at, turn in enumerate(history):
            body += [f"{self.expand(e.content, here=True)}\n" for e in deep.get(at, ())]
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
        tongue = f"in {self.language}, " if self.language else ""
        manner = f"{tongue}in the tone, manner and vocabulary of {name}."
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
