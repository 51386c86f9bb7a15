"""The first word of a reply, as the agent's caller gets it from the embedded model."""

import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.waits.wait import Wait

if TYPE_CHECKING:
    from agent.agent import Agent
    from agent.character import Character
    from agent.prompt.ask import Ask

ROOT = Path(__file__).parents[2]
NOTE = "The subject was not recognised. Colours and shape: mostly blue and grey; dark; landscape, 1280 x 800."
QUESTION = "What do you make of it, the {}. time you look?"


async def _first_words(repeats: int, *, same: bool) -> AsyncGenerator[float, None]:
    """Of one character, who has spoken about the same picture just before; or each time of another, so that
    the whole prompt is read. The model is loaded."""
    from agent.agent import Agent
    from agent.backends.registry import make_backend
    from agent.cast import load_character
    from agent.settings import AgentSettings, Secrets

    cast = [load_character(path) for path in sorted((ROOT / "characters").glob("*.toml"))]
    with tempfile.TemporaryDirectory() as folder:
        settings = AgentSettings(cache=Path(folder))
        backend = make_backend(settings, Secrets())
        agent = Agent(backend, settings)
        try:
            await backend.start()
            for number in range(repeats + 1):
                ask = _ask(cast[0 if same else number % len(cast)], number)
                took = await _first_word(agent, ask)
                if number:  # the one before has warmed up what is warm
                    yield took
        finally:
            await backend.close()


async def _first_word(agent: "Agent", ask: "Ask") -> float:
    begun = time.perf_counter()
    async with aclosing(agent.reply(ask, seed=7)) as steps:
        async for step in steps:
            if isinstance(step, str):
                return time.perf_counter() - begun
    raise RuntimeError(f"{ask.character.name} said nothing")


def _ask(character: "Character", number: int) -> "Ask":
    from agent.dialogue import Dialogue, Scenario, Speaker, SpeakerKind, Turn
    from agent.picture import Maker, Note, Picture
    from agent.prompt.ask import Ask

    picture = Picture("ab" * 32, Path("not-read.png"), "image/png", 1280, 800, "0" * 16)
    person = Speaker("bench:sam", "Sam", SpeakerKind.HUMAN)
    turns = (
        Turn("1", person, "I took this from the harbour wall.", (picture,)),
        Turn("2", person, QUESTION.format(number)),
    )
    dialogue = Dialogue("bench", Scenario.HUMAN_ROLE, turns)
    return Ask(character, dialogue, notes={picture.sha256: Note(NOTE, Maker.EYES)})


cold, warm = partial(_first_words, same=False), partial(_first_words, same=True)
WAITS = (
    Wait("cold", "the first word of a character who has not spoken yet", "", cold),
    Wait("warm", "the first word of one who has just spoken", "", warm),
)
