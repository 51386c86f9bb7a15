"""Every measure of a single reply."""

from collections.abc import Mapping, Sequence

from agent.character import Character
from evaluation.voice.contrast import contrast
from evaluation.voice.repeats import copies, repeats_question, without_runs
from evaluation.voice.slips import SLIPS, Scene
from evaluation.voice.speaker import Voices
from evaluation.voice.words import content, words
from pipeline.measure.cases import Asked, Case, draw

OTHERS, CANDIDATES, LONG = 20, 5, 120
USUAL, COPIED = 75, 4  # the longest turn of the corpus's dialogues; words in a row that count as copied
CONTRAST, FRESH, OWN = "note contrast", "note contrast, new words", "note contrast, own words"
LEGEND = {
    CONTRAST: "content words of the reply that its note has, less those that another note of the part has (mean of 20)",
    FRESH: "the same without words that a turn had said before",
    OWN: "the same in the first 75 words of the reply, without what it copied from its note (four words in a row)",
    "named among five": "the profile nearest to the reply (TF-IDF) is the speaker's; names and recitals do not count",
}
NUMBERS = {CONTRAST, FRESH, OWN}  # all others are shares
Values = dict[
    str, float | None
]  # measure -> what it is for one reply, None where the prompt gives no occasion


class Judge:
    """Measures single replies. What it draws (other notes, other speakers) depends on the case and the seed alone."""

    def __init__(self, every: Sequence[Case], people: Mapping[str, Character], *, seed: int) -> None:
        self._seed = seed
        self._notes = sorted({n for c in every for n in c.notes})
        self._speakers = sorted({c.ask.character.id for c in every})
        texts = {who: profile(people[who]) for who in people}
        self._voices = Voices(texts, [n for c in people.values() for n in (c.name, c.nickname)])

    def measure(self, asked: Asked, text: str, first: str) -> Values:
        """`text` as shown, `first` as it came at the first try."""
        case, me = asked.case, asked.case.ask.character
        turns = [t.text for t in case.ask.dialogue.turns]
        found: dict[str, float | bool | None] = {}
        found |= self._contrast(asked, text)
        repeats = repeats_question(first, case.words)
        excused = [*turns, *asked.notes, *me.profile.catchphrases]  # a catchphrase is there to be said
        recites = copies(first, [asked.text], besides=excused)
        found["first try repeats the question or recites the prompt"] = repeats or recites
        found["first try repeats the question"] = repeats
        found["first try recites the prompt"] = recites
        found["first try copies its note"] = (
            copies(first, asked.notes, besides=turns) if asked.notes else None
        )
        found["first try repeats an earlier turn"] = copies(first, turns[:-1]) if turns[:-1] else None
        scene = Scene(me.name, profile(me), asked.text, asked.notes)
        found |= {name: slip(text, scene) for name, slip in SLIPS.items()}
        found["named among five"] = self._named(case, text)
        found["longer than 120 words"] = len(words(text)) > LONG
        return {name: None if value is None else float(value) for name, value in found.items()}

    def _named(self, case: Case, text: str) -> float | None:
        """Among the right speaker and four of the same part, drawn once for all systems."""
        right = case.ask.character.id
        rest = [s for s in self._speakers if s != right]
        if len(rest) < CANDIDATES - 1:
            return None
        return self._voices.named(
            text, right, draw(self._seed, f"speakers {case.id}").sample(rest, CANDIDATES - 1)
        )

    def _contrast(self, asked: Asked, text: str) -> Values:
        own = set(asked.case.notes)
        rest = [n for n in self._notes if n not in own]
        if not asked.notes or not rest:
            return {CONTRAST: None, FRESH: None, OWN: None}
        others = draw(self._seed, f"notes {asked.case.id}").sample(rest, min(OTHERS, len(rest)))
        known = content(" ".join(t.text for t in asked.case.ask.dialogue.turns))
        return {
            CONTRAST: contrast(text, asked.notes, others),
            FRESH: contrast(text, asked.notes, others, known=known),
            OWN: contrast(" ".join(without_runs(text, asked.notes, COPIED)[:USUAL]), asked.notes, others),
        }


def profile(who: Character) -> str:
    """All that a character is told of itself."""
    p = who.profile
    return "\n".join((p.introduction, p.personality, p.life_story, p.relationships, *p.catchphrases))
