"""What is not known of a character is not said in a prompt."""

from dataclasses import replace
from typing import Literal

import pytest

from agent.prompt.ask import Ask
from agent.prompt.build import build
from agent.settings import PromptSettings
from tests.agent.prompt.test_full import ADA, SAM, count, dialogue, turn


@pytest.mark.parametrize("form", ["full", "compact"])
@pytest.mark.parametrize("language", ["", "English", "Polish"])
@pytest.mark.parametrize("origin", ["", "Victorian London"])
async def test_neither_language_nor_origin_is_made_up(
    form: Literal["full", "compact"], language: str, origin: str
) -> None:
    ask = Ask(replace(ADA, language=language, origin=origin), dialogue(turn(1, SAM, "Hello.")))
    made = await build(ask, PromptSettings(form=form), sees=False, budget=9_999, count=count)
    told = "\n".join(m.text for m in made.messages)
    assert ("English" in told) is (language == "English" and form == "full")
    assert ("Polish" in told) is (language == "Polish")
    assert ("Victorian London" in told) is bool(origin)
    for broken in ("from  ", "from and", "in ,", "()", "Speak ."):
        assert broken not in told
