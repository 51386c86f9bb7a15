"""What is refused of a reply, and that what is shown on the way to it is safe."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.character import Profile
from agent.dialogue import Dialogue, Scenario, Speaker, SpeakerKind, Turn
from agent.picture import Maker, Note
from agent.prompt.ask import Ask, Prompt
from agent.prompt.build import build
from agent.settings import PromptSettings
from agent.unfit.check import RECITES, REPEATS, RUN, Check
from agent.words import words
from pipeline.corpus.asks import asks
from pipeline.corpus.people import characters
from pipeline.corpus.read import read
from tests.agent.prompt.test_full import ADA, HOLMES, HOLMES_SPEAKS, SAM, count, picture

PROFILE = "She plans by weather, by stars and by human nature, and counts the steps of every stair."
CATCH = "Every stair tells you a story, if only you count it from below."
WHO = replace(ADA, profile=Profile(PROFILE, "Exact.", "", "", (CATCH,)))
SHOWN = picture(1)
NOTE = Note(
    'A wall with a sign. Text in the picture: "No fishing from the bridge after six in the evening". A gull.',
    Maker.PERSON,
)
ASKED = "What do you make of this wall by the sea, with the gull?"
SAMPLE = 12  # of a hundred dialogues of the corpus


def ask(*said: tuple[Speaker, str]) -> Ask:
    turns = [Turn("0", SAM, ASKED, (SHOWN,)), *(Turn(str(n), *one) for n, one in enumerate(said, 1))]
    return Ask(WHO, Dialogue("d", Scenario.HUMAN_ROLE, tuple(turns)), notes={SHOWN.sha256: NOTE})


async def check(asked: Ask) -> Check:
    return Check(asked, await made(asked))


async def made(asked: Ask) -> Prompt:
    return await build(asked, PromptSettings(), sees=False, budget=4_000, count=count)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("I plan by weather, by stars and by human nature, and counts the steps of it.", RECITES),
        ("Good day. She plans by weather, by stars and by human nature.", RECITES),
        ("What do you make of this wall by the sea?", REPEATS),
        ("Well: what do you make of this wall by the sea?", REPEATS),
        ("It is a wall, and the gull is its only gentleman.", ""),
        ("You ask me what do you make of this wall by the sea, and I make a bench of it.", ""),
        (CATCH, ""),
        ('The sign says "No fishing from the bridge after six in the evening", and nobody fishes.', ""),
        ("", ""),
    ],
)
async def test_what_is_refused_and_what_is_not(reply: str, reason: str) -> None:
    assert (await check(ask())).of(reply, final=True).reason == reason


async def test_short_words_are_given_back_whole_or_not_at_all() -> None:
    asked = ask((SAM, "So what is it?"))
    assert (await check(asked)).of("So what is it? A wall.", final=True).reason == REPEATS
    assert not (await check(asked)).of("So what, it is a wall.", final=True).reason
    assert not (await check(ask((SAM, "What is it?")))).of("What is it? A wall.", final=True).reason


async def test_the_newest_words_of_another_count_and_those_of_its_own_do_not() -> None:
    said = "The gull has been here since Tuesday, you may believe me."
    theirs = Turn("1", HOLMES_SPEAKS, said)
    talk = Dialogue("d", Scenario.INTER_ROLE, (theirs,))
    echo = Check(Ask(WHO, talk, others={HOLMES.id: HOLMES}), await made(Ask(WHO, talk, {HOLMES.id: HOLMES})))
    assert echo.of(said, final=True).reason == REPEATS
    own = ask((Speaker(WHO.id, WHO.name, SpeakerKind.CHARACTER), said), (SAM, "Since when?"))
    assert not (await check(own)).of(said, final=True).reason


async def test_what_is_shown_stops_before_what_is_refused() -> None:
    judging = await check(ask())
    text = "A sea wall. She plans by weather, by stars and by human nature."
    judged = judging.of(text, final=True)
    assert text[: judged.upto] == "A sea wall. "


@settings(deadline=None)
@given(st.data())
async def test_whatever_the_pieces_nothing_refused_is_shown_and_the_verdict_is_one(
    data: st.DataObject,
) -> None:
    parts = [
        PROFILE,
        ASKED,
        CATCH,
        "A wall, a gull.",
        "I count it",
        "by stars and by human nature",
        "what do you",
    ]
    text = " ".join(data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=4)))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text)), max_size=12)) | {len(text)})
    asked = ask()
    whole, piecewise = await check(asked), await check(asked)
    forbidden = words(PROFILE)
    runs = {tuple(forbidden[n : n + RUN]) for n in range(len(forbidden) - RUN + 1)}
    for cut in cuts:
        shown = words(text[: piecewise.of(text[:cut]).upto])
        assert not runs & {tuple(shown[n : n + RUN]) for n in range(len(shown))}
        assert shown[:RUN] != words(ASKED)[:RUN]
    assert piecewise.of(text, final=True) == whole.of(text, final=True)


async def test_a_text_that_begins_anew_is_judged_anew() -> None:
    judging = await check(ask())
    assert judging.of("She plans by weather, by stars and by human nature.").reason
    assert not judging.of("A gull.", final=True).reason


@pytest.mark.parametrize("form", ["compact", "full"])
async def test_good_replies_are_not_refused(form: str) -> None:
    """The corpus, which was written by hand: of all its turns two are refused under the compact form, six under the
    whole one (docs/experiments.md); here of a fixed part."""
    people, refused, judged = characters(), 0, 0
    for talk in read():
        if int(hashlib.sha256(talk.id.encode()).hexdigest(), 16) % 100 >= SAMPLE:
            continue
        for asked, answer, _ in asks(talk, people):
            prompt = await build(
                asked, PromptSettings(form=form), sees=False, budget=4_000, count=count, weights=1
            )
            refused += bool(Check(asked, prompt).of(answer, final=True).reason)
            judged += 1
    assert judged > 300
    assert refused <= judged / 100
