"""What may be shown of a reply, judged while it streams.

Two things are refused, of every backend: a reply that begins by giving back the words it answers, and one that has
eight words in a row of its prompt (profile, notes, instructions) which nobody said in the talk and which are no
catchphrase. The tail of what was written is held back while it may still become one of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from agent.dialogue import Turn
from agent.prompt.ask import Ask, Prompt
from agent.unfit.runs import Ends, Source, longest
from agent.words import placed, words

RUN = 8  # words in a row that nobody says twice by chance
QUESTION = 4  # words that shorter words have at least, to be given back whole
BEGINNING = 2  # words that may stand before what is given back
HELD = 3  # words in a row of the prompt that are held back, lest they go on
REPEATS, RECITES = "gives back what was said to it", "recites its prompt"
_QUOTED = re.compile(r'"[^"]*"')  # a note's text in the picture may be read out


@dataclass(frozen=True, slots=True)
class Judged:
    """The first `upto` characters may be shown; `reason` why what comes then may not, "" where nothing is known."""

    upto: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _State:
    """After `count` words: where the last of them began, and the runs that end with the last one."""

    count: int = 0
    begins: tuple[int, ...] = ()
    told: Ends = field(default_factory=dict)
    excused: Ends = field(default_factory=dict)
    answered: Ends = field(default_factory=dict)
    judged: Judged | None = None


class Check:
    """Judges one try at a reply: each text it is given goes on from the one before, or begins anew."""

    def __init__(self, ask: Ask, prompt: Prompt) -> None:
        turns = ask.dialogue.turns
        self._told = Source(_QUOTED.sub(" ", message.text) for message in prompt.messages)
        self._excused = Source([*(turn.text for turn in turns), *ask.character.profile.catchphrases])
        answered = _answered(turns, ask.character.id)
        self._size = min(RUN, len(words(answered)))
        self._answered = Source([answered] if self._size >= QUESTION else [])
        self._sure, self._state = "", _State()  # all words but the last, which may still grow

    def of(self, text: str, *, final: bool = False) -> Judged:
        """All that was written so far; with `final` nothing is held back for what may follow."""
        if not text.startswith(self._sure):
            self._sure, self._state = "", _State()
        base = len(self._sure)
        found = [(word, base + at) for word, at in placed(text[base:])]
        if not found:
            return self._verdict(self._state, text, final=final)
        for word, at in found[:-1]:
            self._state = self._with(self._state, word, at)
        self._sure = text[: found[-1][1]]
        return self._verdict(self._with(self._state, *found[-1]), text, final=final)

    def _with(self, state: _State, word: str, at: int) -> _State:
        made = _State(
            state.count + 1,
            (*state.begins[1 - RUN :], at),
            self._told.after(state.told, word),
            self._excused.after(state.excused, word),
            self._answered.after(state.answered, word),
            state.judged,
        )
        return made if made.judged else replace(made, judged=self._refused(made))

    def _refused(self, state: _State) -> Judged | None:
        back = longest(state.answered)
        if back >= self._size >= QUESTION and state.count - back <= BEGINNING:
            return Judged(0, REPEATS)
        if longest(state.told) >= RUN > longest(state.excused):
            return Judged(state.begins[-RUN], RECITES)
        return None

    def _verdict(self, state: _State, text: str, *, final: bool) -> Judged:
        if state.judged or final or not state.count:
            return state.judged or Judged(len(text))
        told, back = longest(state.told), longest(state.answered)
        held = min(told, RUN) if told >= HELD else 0
        if state.count - back <= BEGINNING:  # it may be giving the words back
            held = max(held, back)
        return Judged(state.begins[-held] if held else len(text))


def _answered(turns: Sequence[Turn], me: str) -> str:
    """The newest words that are not the character's own."""
    return next((turn.text for turn in reversed(turns) if turn.speaker.id != me and turn.text), "")
