"""Two characters talk with each other freely about a picture, as the bot has them do it."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agent.agent import Ask
from agent.character import Character
from agent.dialogue import Dialogue, Scenario, Speaker, SpeakerKind, Turn
from agent.picture import Note
from evaluation.splits import Part, splits
from pipeline.corpus.asks import PERSON, note, picture
from pipeline.corpus.read import CorpusError, Talk
from pipeline.measure.cases import draw
from pipeline.measure.speaking import Voice

TURNS = 10


@dataclass(frozen=True)
class Duet:
    id: str
    cast: tuple[Character, Character]
    note: Note


def duets(
    talks: Sequence[Talk], people: Mapping[str, Character], part: Part, n: int, seed: int
) -> list[Duet]:
    """`n` of them between characters that are held out in this part, about notes that are; no pair and no note twice
    while others are left. Raises CorpusError where fewer than two characters or no note is held out."""
    held = sorted(i for i, p in splits().corpus_characters.items() if p is part and i in people)
    told = {
        t.note: t for talk in talks for t in talk.turns if t.note and splits().corpus_note(t.note) is part
    }
    if len(held) < 2 or not told:
        raise CorpusError(
            f"the part `{part.name.lower()}` holds out no two characters, or no note, for duets"
        )
    pairs, notes = list(itertools.permutations(held, 2)), [told[text] for text in sorted(told)]
    chance = draw(seed, "duets")
    chance.shuffle(pairs)
    chance.shuffle(notes)
    chosen = itertools.islice(zip(itertools.cycle(pairs), itertools.cycle(notes), strict=False), n)
    return [
        Duet(f"duet-{at}", (people[a], people[b]), note(said)) for at, ((a, b), said) in enumerate(chosen, 1)
    ]


async def play(
    voice: Voice, duet: Duet, turns: int = TURNS, tick: Callable[[int, bool], None] = lambda turn, new: None
) -> list[str]:
    """What they said. A reply of nothing ends it, as in the bot. `tick` is told of each turn, and whether it
    is new."""
    shown = picture(duet.note.text)
    heard = [Turn(f"{duet.id}/0", PERSON, "", (shown,))]
    said: list[str] = []
    for at in range(1, turns + 1):
        me, other = duet.cast if at % 2 else duet.cast[::-1]
        dialogue = Dialogue(duet.id, Scenario.INTER_ROLE, tuple(heard))
        ask = Ask(me, dialogue, {other.id: other}, {shown.sha256: duet.note})
        name = f"{duet.id}/{at}"
        messages = await voice.messages(ask, name)
        new = voice.heard(name, messages) is None
        text = (await voice.say(name, ask, messages))["text"]
        tick(at, new)
        if not text:
            break
        said.append(text)
        heard.append(Turn(name, Speaker(me.id, me.spoken_name, SpeakerKind.CHARACTER), text))
    return said
