"""A prompt for small models: a profile's gist, then the dialogue as turns of the chat.

A profile of 900 tokens confuses a model of some hundred million weights, and takes seconds to read. Here the system
message says in few words who speaks, how, and what they know; what others say are the user's messages, the
character's own words the assistant's, so that each turn only adds to what was read before. What a person writes
stands as it is while there is one of them, with a label where there are several speakers. Asides in round brackets
tell what nobody says: what a picture shows, whom one meets, what is wanted.
"""

from collections.abc import Sequence

from agent.backends.base import Message, Part
from agent.dialogue import Scenario, SpeakerKind, Turn
from agent.labels import clean_words, one_line
from agent.picture import Maker, Picture
from agent.prompt.draft import Draft, joined
from agent.prompt.gist import Gist, clipped, gist
from agent.speech import sentences

NOTE, PARTNER, ASIDE = (
    110,
    35,
    60,
)  # tokens that a picture's note, a partner's introduction, a lore entry may take


class Compact(Draft):
    """A test holds the hash of rendered samples against the version in `template`: change both together."""

    template = "compact-1"

    def messages(self, dropped: int, head: int, lore_on: bool) -> tuple[Message, ...]:
        """Without the first `dropped` turns, with a profile of about `head` tokens, with or without triggered lore.
        A system message, then user and assistant in turn, the user last."""
        me, turns = self.ask.character.id, self.ask.dialogue.turns
        said: list[tuple[bool, list[Part]]] = [(False, list(self._opening(dropped)))]
        for turn in turns[dropped:]:
            own = turn.speaker.id == me
            parts = [*self._pictures(turn), *self._words(turn, own=own)]
            if parts and own != said[-1][0]:
                said.append((own, []))
            said[-1][1].extend(parts)
        if said[-1][0]:
            said.append((False, []))
        said[-1][1].extend(self._request(lore_on))
        if not said[0][1] and len(said) > 1 and said[1][0]:
            said[0][1].append("(The conversation goes on.)\n")
        chat = [Message("assistant" if own else "user", _ended(parts)) for own, parts in said if parts]
        return (Message("system", (self._head(head),)), *chat)

    def _head(self, tokens: int) -> str:
        me = self.ask.character
        told: Gist = gist(me, self.expand, tokens)
        origin = f" ({one_line(clipped(me.origin, 20))})" if me.origin else ""
        says = "".join(f' "{one_line(s)}"' for s in told.says)
        manner = " ".join(p for p in (told.talks, f"You say:{says}" if says else "") if p)
        lines = [
            f"You are {self.name}{origin}. {told.who}".strip(),
            f"How you talk: {manner}" if manner else "",
            f"What you know: {told.knows}" if told.knows else "",
        ]
        tongue = "" if self.language in ("", "English") else f" Speak {self.language}."
        lines.append(f"Talk as {self.name}, in a few sentences, about what you are shown and told.{tongue}")
        return "\n".join(line for line in lines if line)

    def _opening(self, dropped: int) -> list[Part]:
        """Whom one meets in inter-role, and the picture that is still spoken of though its turn was dropped."""
        told: list[Part] = []
        if self.ask.dialogue.scenario is Scenario.INTER_ROLE:
            for other in self.ask.others.values():
                if other.id != self.ask.character.id:
                    first = sentences(self.expand(other.profile.introduction, who=other))[:1]
                    about = clipped(one_line(" ".join(first)), PARTNER)
                    told.append(f"(You meet {self.labels[other.id]}. {about}".strip() + ")\n")
        shown = [(t, p) for t in self.ask.dialogue.turns for p in t.pictures]
        if shown and shown[-1][0] in self.ask.dialogue.turns[:dropped]:
            told += self._picture(shown[-1][1])
        return told

    def _words(self, turn: Turn, *, own: bool) -> list[Part]:
        words = clean_words(turn.text)
        if not words:
            return []
        if own or not self._several():
            return [f"{words}\n"]
        return [f"[{self.labels[turn.speaker.id]}]: {words}\n"]

    def _several(self) -> bool:
        """Whether words need a label: two may speak to the character, or another character does."""
        turns, me = self.ask.dialogue.turns, self.ask.character.id
        others = {t.speaker.id: t.speaker.kind for t in turns if t.speaker.id != me}
        return len(others) > 1 or SpeakerKind.CHARACTER in others.values()

    def _pictures(self, turn: Turn) -> list[Part]:
        return [
            part for p in turn.pictures if self.last[p.sha256] == turn.id for part in self._picture(p)
        ]  # one that is shown again is told of where it was last

    def _picture(self, picture: Picture) -> list[Part]:
        note = self.ask.notes.get(picture.sha256)
        name = f"Picture {self.numbers[picture.sha256]}" if len(self.numbers) > 1 else "Picture"
        told = clipped(one_line(note.text), NOTE) if note else "nothing is known of what it shows"
        if picture.sha256 not in self.pixels:
            return [f"({name}: {told})\n"]
        said = f" ({told})" if note and note.maker is Maker.PERSON else ""
        return [f"{name}{said}: ", picture, "\n"]

    def _request(self, lore_on: bool) -> list[Part]:
        """Asides at the end: lore that fell due, a card's last word, what is wanted where nobody said anything."""
        turns, me = self.ask.dialogue.turns, self.ask.character
        known = [e.content for e in self.triggered()] if lore_on else []
        told = [f"({clipped(one_line(self.expand(text, here=True)), ASIDE)})\n" for text in known]
        if me.post_history and lore_on:
            told.append(f"({clipped(one_line(self.expand(me.post_history, here=True)), ASIDE)})\n")
        if self.ask.about:
            told.append(f"(Speak of this: {one_line(self.ask.about)})\n")
        if not turns or turns[-1].speaker.id == me.id:
            spoken = any(t.text for t in turns)
            told.append("(Go on.)\n" if spoken else "(Begin the conversation.)\n")
        elif not clean_words(turns[-1].text):
            told.append("(Say what you make of it.)\n")
        return list(told)


def _ended(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Joined, without the last line's end."""
    whole = joined(parts)
    if whole and isinstance(whole[-1], str):
        whole[-1] = whole[-1].rstrip("\n")
    return tuple(p for p in whole if p)
