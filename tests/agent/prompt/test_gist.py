"""A profile in few words, whatever card it comes from."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cast.cast import Cast
from agent.character import Character, Kind, Lorebook, LoreEntry, Profile
from agent.prompt.gist import Gist, clipped, gist, weigh

ROOT = Path(__file__).parents[3]
ADA = Character(
    "ada",
    "Ada",
    "London",
    Kind.HISTORICAL,
    Profile(
        "A mathematician. She wrote notes.",
        "Eager. Quick.",
        "Born in 1815. Taught at home.",
        "Babbage, her friend.",
        ("What rule would draw this?", "Poetical science."),
    ),
)


def plain(text: str) -> str:
    return text.replace("{{char}}", "Ada")


def told(made: Gist) -> str:
    return " ".join([made.who, made.talks, *made.says, made.knows])


def test_with_room_for_all_nothing_is_lost() -> None:
    made = gist(ADA, plain, 500)
    assert made == Gist(
        "A mathematician. She wrote notes.",
        "Eager. Quick.",
        ("What rule would draw this?", "Poetical science."),
        "Born in 1815. Taught at home. Babbage, her friend.",
    )


def test_with_little_room_each_source_has_its_first_sentence() -> None:
    long = " And so it went on, one thing after another."
    texts = ADA.profile.introduction + long, ADA.profile.personality + long, "Born in 1815." + long
    made = gist(
        replace(ADA, profile=Profile(*texts, catchphrases=("What rule would draw this?",))), plain, 30
    )
    assert made.who == "A mathematician. She wrote notes."
    assert made.talks == "Eager. Quick."
    assert made.says[0] == "What rule would draw this?"
    assert "Born in 1815." in made.knows


def test_a_profile_of_one_endless_section_leaves_room_for_the_others() -> None:
    long = replace(ADA.profile, introduction="She was here. " * 900)
    made = gist(replace(ADA, profile=long), plain, 60)
    assert made.talks
    assert made.says
    assert weigh(told(made)) <= 60


def test_lists_emphasis_and_wrapped_lines_become_sentences() -> None:
    wild = Profile("# About\n\n- *Ada* counts\n  gears. \n- She **never** sleeps.\n1. Really.")
    assert (
        gist(replace(ADA, profile=wild), plain, 100).who
        == "About Ada counts gears. She never sleeps. Really."
    )


def test_a_card_without_catchphrases_is_heard_in_its_example() -> None:
    card = replace(
        ADA,
        profile=replace(ADA.profile, catchphrases=()),
        examples=("{{user}}: Hello.\n{{char}}: Good evening! Do sit.\nAda: Look at this.",),
    )
    assert gist(card, plain, 200).says == ("Good evening!", "Look at this.")


def test_scene_lore_and_a_cards_own_instruction_come_last() -> None:
    book = Lorebook((LoreEntry("The Engine is unbuilt.", constant=True), LoreEntry("A secret.", keys=("x",))))
    card = replace(ADA, lorebook=book, scene="A library.", system_prompt="Be brief.")
    assert gist(card, plain, 300).knows.endswith("A library. The Engine is unbuilt. Be brief.")
    assert "A secret." not in told(gist(card, plain, 300))


def test_what_is_cut_ends_at_a_clause_or_a_word() -> None:
    assert clipped("One two three, four five six.", 5) == "One two three."
    assert clipped("One two three four five six.", 5) == "One two three four…"
    assert clipped("Short.", 50) == "Short."
    assert clipped("One two three, four five six.", 5, force=False) == ""
    assert clipped("a" * 400, 5) == "a" * 21 + "…"
    assert clipped("One.", 0) == ""


@given(st.text(max_size=400), st.text(max_size=200), st.integers(10, 200))
def test_any_words_keep_to_the_room(introduction: str, personality: str, tokens: int) -> None:
    made = gist(replace(ADA, profile=Profile(introduction, personality)), lambda text: text, tokens)
    assert weigh(told(made)) <= tokens + 8


@pytest.mark.parametrize("folder", [ROOT / "characters", ROOT / "pipeline/corpus/characters"])
def test_every_character_of_ours_keeps_who_how_and_what(folder: Path, tmp_path: Path) -> None:
    cast = Cast.load(folder, tmp_path)
    assert len(cast.characters) >= 15
    for character in cast.characters.values():
        made = gist(character, lambda text: text, 126)
        assert made.who
        assert made.talks
        assert made.says
        assert made.knows
        assert 60 <= weigh(told(made)) <= 126
