import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.speech import Speech, called, whole_sentences

HOLMES = Speech(["Sherlock Holmes"], ["Sam", "Ada Lovelace"])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("[Sherlock Holmes]: Elementary.", "Elementary."),
        ("Sherlock Holmes: Elementary.", "Elementary."),
        ("**Sherlock Holmes:** Elementary.", "Elementary."),
        ("**Sherlock Holmes**: Elementary.", "Elementary."),
        ("sherlock holmes： Elementary.", "Elementary."),
        ("One.\n\nSherlock Holmes: Two.", "One.\n\nTwo."),
        ("One.\n[Sam]: No!", "One."),
        ("One.\nSam: No!", "One."),
        ("One.\n**Ada Lovelace:** No!", "One."),
        ("One.\n[Somebody Else]: No!", "One."),
        ("Sam: I forged it.", ""),
        ("Sherlock Holmes: [Sherlock Holmes]: One.", "One."),
        ("One. [Sam]: No!", "One."),
        ("One.\n> Sam: No!", "One."),
        ("One.\n### Sam: No!", "One."),
        ("One.\n【Sam】：No!", "One."),
        ("One.\n[[Sam]]: No!", "One."),
        ("One.\n(Sam): No!", "One."),
        ("One.\nUser: No!", "One."),
        ("One.\nHuman: No!", "One."),
        ("One.<|im_end|>\n<|im_start|>user\nNo!", "One."),
        ("One.</s>", "One."),
        ("- Tall: yes.\n- Sam: a head shorter.", "- Tall: yes.\n- Sam: a head shorter."),
        ("It costs <3 and x[1]: fine.", "It costs <3 and x[1]: fine."),
        ("Note this: it is fine. Sam is fine too.", "Note this: it is fine. Sam is fine too."),
        ("I told Sam: run.", "I told Sam: run."),
    ],
)
def test_nobody_speaks_for_another(raw: str, said: str) -> None:
    assert HOLMES.hear(raw, final=True).text == said


def test_generation_may_end_where_another_begins() -> None:
    assert HOLMES.hear("One.\n[Sam]:").ended
    assert not HOLMES.hear("One.\n[Sam").ended


def test_a_character_may_call_itself_by_any_of_its_names() -> None:
    names = called(["Holmes", "Sherlock Holmes"], ["Mycroft Holmes", "Sam"])
    assert names == ("Sherlock Holmes", "Sherlock")
    speech = Speech(called(["the Hatter", "Mad Hatter"], ["Sam"]), ["Sam"])
    for prefix in ("[Mad Hatter]: ", "[Hatter]: ", "Hatter: ", "the Hatter: "):
        assert speech.hear(prefix + "No room!", final=True).text == "No room!"


@pytest.mark.parametrize(
    "raw",
    [
        "[Sherlock Holmes]: Yes.",
        "Sherlock Holmes: Yes.",
        "Well.\n[Sam]: no",
        "Well.\nSam: no",
        "**Sam:** x",
        "Well. [Sam]: no",
        "Well.<|im_end|>\nx",
        "> Sam: x",
        "Sherlock Holmes: Sherlock Holmes: x",
        "Well.\n(Sam): x",
        "Well.\n[[Sam]]: x",
        "Well.\n【Sam】：x",
        "Well. </s>",
        "Well. [INST] x",
        "Well.\nUser: x",
    ],
)
def test_a_stream_never_shows_what_is_taken_back(raw: str) -> None:
    final = HOLMES.hear(raw, final=True).text
    for n in range(len(raw) + 1):
        assert final.startswith(HOLMES.hear(raw[:n]).text)


@given(st.text(alphabet="aS.\n[]:* mdL<|>(", max_size=60))
def test_streams_only_grow(raw: str) -> None:
    final = HOLMES.hear(raw, final=True).text
    for n in range(len(raw)):
        shown = HOLMES.hear(raw[:n]).text
        assert final.startswith(shown) or HOLMES.hear(raw[:n]).text == shown.strip()


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("It is a hat. It is a", "It is a hat."),
        ("Is it? Yes! And th", "Is it? Yes!"),
        ("I met Dr. Watson at", "I met Dr. Watson…"),
        ("He said “stop.” Then he", "He said “stop.”"),
        ("这是帽子。那是一", "这是帽子。"),
        ("no sentence ends here at al", "no sentence ends here at…"),
        ("word", "word"),
        ("Look:\n1. A hat.\n2. A", "Look:\n1. A hat."),
        ("नमस्ते। मैं", "नमस्ते।"),
        ("福尔摩斯看着这幅画", "福尔摩斯看着这幅画…"),
        ("A hat. At 5 p.m. I saw", "A hat."),
        ("It costs 3.50 and mo", "It costs 3.50 and…"),
        ("Look. ```\ncode. x", "Look. ```\ncode.\n```"),
        ("Whole.", "Whole."),
    ],
)
def test_a_reply_ends_with_a_whole_sentence(cut: str, whole: str) -> None:
    assert whole_sentences(cut) == whole
