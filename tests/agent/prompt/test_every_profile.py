"""The compact prompt of everybody we know of, counted by the embedded model's own tokenizer."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.backends.base import Message
from agent.cast.cast import Cast
from agent.character import Character, Kind, Profile
from agent.dialogue import Dialogue, Scenario, Turn
from agent.engine.embedded import embedded_path
from agent.engine.model import Options
from agent.engine.reply import Engine
from agent.picture import Maker, Note
from agent.prompt.ask import Ask, Count
from agent.prompt.build import COMPACT, build
from agent.settings import PromptSettings
from tests.agent.prompt.test_full import SAM, picture
from tests.evaluation.test_splits import rows

pytestmark = pytest.mark.model
ROOT = Path(__file__).parents[3]
NOTE = (
    "Tags (machine guess): lakeside (0.71), canoe (0.55), paddle (0.34). Text in the picture: "
    '"BOATS FOR HIRE". Colours and shape: mostly blue, green and white; bright; landscape.'
)


@pytest.fixture(scope="module")
def count() -> Count:
    engine = Engine(Options(path=str(embedded_path()), threads=1), lambda: None)

    async def counted(messages: Sequence[Message]) -> int:
        return engine.count([{"role": m.role, "parts": list(m.parts)} for m in messages])

    return counted


def ask(character: Character) -> Ask:
    shown = Turn("1", SAM, "Where would you go from here, if it were yours for a day?", (picture(1),))
    notes = {picture(1).sha256: Note(NOTE, Maker.EYES)}
    return Ask(character, Dialogue("d", Scenario.HUMAN_ROLE, (shown,)), notes=notes)


async def fits(character: Character, count: Count) -> None:
    made = await build(ask(character), PromptSettings(form="compact"), sees=False, budget=4_000, count=count)
    head, said = (m.text for m in made.messages)
    assert await count(made.messages) <= COMPACT
    assert NOTE in said
    assert f"You are {character.name}" in head
    p = character.profile
    assert ("How you talk: " in head) is bool(p.personality or p.catchphrases)
    assert ("You say: " in head) is bool(p.catchphrases)
    assert ("What you know: " in head) is bool(p.life_story or p.relationships)


@pytest.mark.parametrize("folder", ["characters", "pipeline/corpus/characters"])
async def test_ours(folder: str, count: Count, tmp_path: Path) -> None:
    for character in Cast.load(ROOT / folder, tmp_path).characters.values():
        await fits(character, count)


async def test_mmroles(count: Count) -> None:
    """The pack's: five sections of free text, English and Chinese, three times as long as ours."""
    told = rows("profiles.jsonl.gz")
    assert len(told) >= 70
    for row in told:
        texts = [text.strip() for text in re.split(r"(?m)^#+ [^\n]*$", row["text"]) if text.strip()]
        who, manner, life, bonds, *phrases = [*texts, "", "", "", ""][:5]
        lines = (line.strip("- ") for text in phrases for line in text.splitlines())
        profile = Profile(who, manner, life, bonds, tuple(line for line in lines if line))
        await fits(Character(row["pid"], row["name"], row["script"], Kind.FICTIONAL, profile), count)
