"""The embedded model really answers on Discord, about a picture that the eyes have looked at."""

from pathlib import Path

import pytest

from journal import pictures
from tests.fakes.discord import LoopbackDiscord
from tests.fakes.stage import drawn
from tests.whole.theatre import ADA, HOLMES, theatre

SMALL = """
[agent.sampling]
max_tokens = 24
seed = 7
[agent.llama]
context = 2048
[bot.discord]
edits_per_second = 5.0
"""


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_embedded_model_answers_about_a_picture(tmp_path: Path) -> None:
    async with (
        LoopbackDiscord() as d,
        theatre(d, tmp_path, None, settings=SMALL, environment={"VIGNETTE__AGENT__EYES__TAGS": "true"}) as t,
    ):
        await t.do("character add", character=HOLMES, talk="always")
        await t.say("What do you see in this picture?", files=[drawn(2, (320, 240))])
        heard, answer = await t.answered(1, seconds=240)
        reply = d.messages(t.channel)[-1]
        assert (answer.state, answer.message_ids) == ("delivered", (reply.id,))
        assert reply.content == answer.text.strip() != ""
        assert (reply.author, reply.webhook) == ("Sherlock Holmes", True)
        assert not answer.text.startswith("Sherlock Holmes:")
        assert answer.made is not None
        assert answer.made.model.lower().startswith("smollm2")
        assert 0 < answer.made.reply_tokens <= 24
        async with t.bot.house.journal.read() as tx:
            note = await pictures.best_note(tx, heard.pictures[0])
        assert note is not None
        assert note.text
        await t.do("talk", by=t.john, character=ADA, words="Do you agree?")
        rows = await t.answered(2, seconds=240)
        assert (rows[-1].speaker_id, rows[-1].state) == (ADA, "delivered")
        assert d.messages(t.channel)[-1].author == "Ada Lovelace"
