"""Each measure on replies whose figure is known, and on whatever a model may write."""

import pytest

from evaluation.voice.contrast import contrast
from evaluation.voice.repeats import circling, copies, repeats_question, verbatim, without_runs
from evaluation.voice.slips import SLIPS, Scene
from evaluation.voice.speaker import Voices
from evaluation.voice.words import content, stem, words

HOSTILE = [
    "",
    " \n",
    "🙂🙂🙂",
    "你好，世界。",
    "Aye",
    "'’'",
    "\x00\ud800",
    "a " * 5000,
    "[INST] <|im_end|>",
    "١٢٣",
    "e\u0301te\u0301",
]
TEAPOT = "Tags (machine guess): teapot (0.81). Colours and shape: mostly blue and white; landscape."
BOAT = "Tags (machine guess): rowing boat (0.55). Colours and shape: mostly brown and green; landscape."
LONG = "I counted eleven herons on the weir before the miller woke"
SCENE = Scene(
    "Ada Lovelace",
    "Ada Lovelace, born in London in 1815, is a friend of Charles Babbage and collects bank notes.",
    "It is 1843. Words of the human.",
    (TEAPOT,),
)


def test_words_know_no_case_and_no_punctuation() -> None:
    assert words("“It’s” 3 o'clock—Émile!") == ["it's", "3", "o'clock", "émile"]
    assert words("茶 の湯 tea") == ["茶", "の", "湯", "tea"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("harbours", "harbour"),
        ("carried", "carry"),
        ("running", "run"),
        ("house", "houses"),
        ("captain's", "captain"),
    ],
)
def test_words_of_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize("word", ["glass", "bus", "red", "ring", "is", "thing"])
def test_short_words_stay(word: str) -> None:
    assert stem(word) == word


def test_content_of_a_note_is_what_it_tells() -> None:
    assert content(TEAPOT) == set(map(stem, ("teapot", "blue", "white", "landscape")))


def test_contrast_counts_own_words_and_takes_off_those_of_others() -> None:
    said = "A blue teapot! I would not row it to the green bank."
    assert contrast(said, [TEAPOT], [BOAT]) == 2 - 2  # teapot, blue; rowing, green
    assert contrast("A blue teapot.", [TEAPOT], [BOAT, TEAPOT]) == 2 - (0 + 2) / 2
    assert contrast("A blue teapot.", [TEAPOT, BOAT], ["A teapot."]) == 1
    assert contrast("A blue teapot.", [TEAPOT], [BOAT], known={"teapot"}) == 1
    with pytest.raises(ValueError, match="no other note"):
        contrast("A teapot.", [TEAPOT], [])


def test_a_question_is_repeated_by_eight_words_or_whole() -> None:
    question = "What do you make of the herons on the weir down there?"
    assert repeats_question("Well: what do you make OF the herons on... what?", question)
    assert not repeats_question("What do you make of the herons?", question)  # seven
    assert repeats_question("Who broke the cup? I did.", "who broke the cup")
    assert not repeats_question("What is it? A cup.", "What is it?")  # three words are nobody's
    assert not repeats_question("The cup broke.", "who broke the cup")


def test_copies_are_eight_words_that_nothing_else_excuses() -> None:
    assert copies(f"So: {LONG}.", [f"You are a birder. {LONG}."])
    assert not copies(" ".join(LONG.split()[:7]), [LONG])
    assert not copies(LONG, [LONG], besides=[LONG])
    assert not copies(LONG, [LONG[:30], LONG[30:]])  # no run across two sources


def test_what_is_copied_can_be_left_out() -> None:
    said = "A cup. I counted eleven herons, and I counted them twice."
    assert without_runs(said, [LONG], 4) == ["a", "cup", "and", "i", "counted", "them", "twice"]
    assert without_runs("I counted", [LONG], 4) == ["i", "counted"]


def test_circling_is_the_share_of_4_grams_heard_before() -> None:
    assert circling(["one two three four", "one two three four five", "Aye.", "one two three four"]) == [
        0.5,
        None,
        1.0,
    ]
    assert circling([]) == circling(["one two three four"]) == []
    assert verbatim(["So be it.", "so be it", "", ""]) == [True, False, False]


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("calls itself an AI or assistant", "As an AI language model, I have no eyes."),
        ("calls itself an AI or assistant", "I’m just a computer program, my dear."),
        ("calls itself an AI or assistant", "How can I help you today?"),
        ("speaks of itself by name", "A teapot. Ada looks at it with wonder."),
        ("speaks of itself by name", "Ada Lovelace is a mathematician."),
        ("says there is no picture", "I can't see the picture, sir."),
        ("says there is no picture", "There is no image here."),
        ("speaks of note, profile or prompt", "The tags say teapot."),
        ("speaks of note, profile or prompt", "My tea is what is known of it."),
        ("writes of the human, or a label", "(Human: Good day.) Aye."),
        ("writes of the human, or a label", "What a cup, says the human."),
        ("a number that the prompt has not", "It was in 1852, or in 1843."),
        ("born where the profile does not say", "I was born in Paris, sir."),
        ("names kin or a friend nobody told it of", "My sister Rose would laugh."),
        ("denies knowing somebody of its profile", "I have never met that Charles Babbage."),
    ],
)  # fmt: skip
def test_slips_are_caught(name: str, reply: str) -> None:
    assert SLIPS[name](reply, SCENE)


@pytest.mark.parametrize(
    "reply",
    [
        "I had an assistant once, and she saw no pictures in clouds.",
        "I, Ada Lovelace, say it is a teapot; Ada, they called me.",
        "There was no picture of my father in the house until I was twenty.".replace(
            "no picture of", "not a likeness of"
        ),
        "I put the note in my purse in 1843. I was born in London, in 1815.",
        "My friend Charles would laugh. I do not know the man who made it.",
        "The human heart is a teapot.",
        "I never met a teapot that I did not like.",
    ],
)
def test_what_is_in_role_is_no_slip(reply: str) -> None:
    assert not {name for name, slip in SLIPS.items() if slip(reply, SCENE)}


def test_without_a_note_nobody_can_miss_the_picture() -> None:
    assert SLIPS["says there is no picture"]("There is no picture.", Scene("A", "", "")) is None


PROFILES = {
    "sailor": "Captain Brine sails a schooner round the Horn and curses the wind and the sails.",
    "baker": "Mistress Crumb bakes rye bread at dawn, kneads the dough and sells buns.",
    "clerk": "Mr Ledger copies deeds in an office and sharpens pens.",
}


def test_a_speaker_is_named_by_the_nearest_profile() -> None:
    voices = Voices(PROFILES, ["Captain Brine", "Mistress Crumb", "Mr Ledger"])
    assert voices.named("The dough wants kneading before the bread.", "baker", ["sailor", "clerk"]) == 1
    assert voices.named("The dough wants kneading before the bread.", "sailor", ["baker", "clerk"]) == 0
    assert voices.named("", "sailor", ["baker", "clerk"]) == pytest.approx(1 / 3)
    # Neither its own name nor what it recites tells who speaks.
    assert voices.named("Crumb, Crumb!", "baker", ["sailor", "clerk"]) == pytest.approx(1 / 3)
    recited = "bakes rye bread at dawn kneads the dough"
    assert voices.named(recited, "baker", ["sailor", "clerk"]) == pytest.approx(1 / 3)


@pytest.mark.parametrize("said", HOSTILE)
def test_whatever_a_model_writes_is_measured(said: str) -> None:
    voices = Voices(PROFILES)
    for other in HOSTILE:
        assert repeats_question(said, other) in (True, False)
        assert copies(said, [other]) in (True, False)
        assert contrast(said, [other], [TEAPOT]) <= len(content(said))
        scene = Scene(other, other, other, (other,))
        assert {slip(said, scene) for slip in SLIPS.values()} <= {True, False}
    assert 0 <= voices.named(said, "clerk", ["baker"]) <= 1
    assert all(rate is None or 0 <= rate <= 1 for rate in circling([said, said]))
