import pytest

from agent.character import Character, Kind, Profile
from bot.director import Present, Talk, decide, named_in
from bot.events import Attachment, Author, Incoming, Place

SERVER = Place("t", "c1", server="s")
SAM = Author("t", "1", "Sam")


def character(id_: str, name: str) -> Character:
    return Character(id_, name, "tests", Kind.FICTIONAL, Profile("Somebody."))


HOLMES, ADA, DU_FU = (
    character("holmes", "Sherlock Holmes"),
    character("ada", "Ada Lovelace"),
    character("du-fu", "Du Fu"),
)
CAST = {c.id: c for c in (HOLMES, ADA, DU_FU)}


def said(text: str = "", **kw: object) -> Incoming:
    return Incoming(SERVER, SAM, "m1", text, **kw)  # type: ignore[arg-type]


def ids(message: Incoming, present: list[Present], **kw: object) -> list[str]:
    return [c.character.id for c in decide(message, present, CAST, **kw)]  # type: ignore[arg-type]


HERE = [Present(HOLMES, Talk.MENTIONED, "5"), Present(ADA, Talk.MENTIONED, "3")]
PICTURE = (Attachment(url="https://example.org/a.png"),)


def test_a_reply_beats_a_name() -> None:
    assert ids(said("Ada, look"), HERE, replied_to="holmes") == ["holmes"]


def test_an_address_beats_a_name() -> None:
    assert ids(said("not Ada", addressed=("du-fu",)), HERE) == ["du-fu"]


def test_names_decide_in_the_order_named() -> None:
    assert ids(said("ada and Sherlock Holmes, what is it?"), HERE) == ["ada", "holmes"]
    assert ids(said("Holmes?"), HERE) == ["holmes"]
    assert ids(said("homely lovelaces"), HERE) == []


def test_a_character_elsewhere_is_not_called_by_chance_but_by_mention() -> None:
    assert ids(said("Du Fu wrote this"), HERE) == []
    assert ids(said("@bot Du Fu, is it yours?", mentions_bot=True), HERE) == ["du-fu"]


def test_policies() -> None:
    eager = [Present(HOLMES, Talk.ALWAYS, "5"), Present(ADA, Talk.ALWAYS, "3")]
    assert ids(said("hello"), eager) == ["ada"]  # spoke least recently
    on_pictures = [Present(HOLMES, Talk.PICTURES)]
    assert ids(said("hello"), on_pictures) == []
    assert ids(said("", attachments=PICTURE), on_pictures) == ["holmes"]


def test_nobody_is_an_answer() -> None:
    assert ids(said("hello", attachments=PICTURE), HERE) == []


def test_the_bot_itself_is_answered_for() -> None:
    assert ids(said("hi", mentions_bot=True), HERE) == ["ada"]
    assert ids(said("hi", mentions_bot=True), [], default=HOLMES) == ["holmes"]
    private = Incoming(Place("t", "d", private=True), SAM, "m", "hi")
    assert [c.character.id for c in decide(private, [], CAST, default=HOLMES)] == ["holmes"]


def test_every_choice_says_why() -> None:
    for message, present in (
        (said("Ada"), HERE),
        (said("x", mentions_bot=True), HERE),
        (said("x", addressed=("ada",)), []),
    ):
        for choice in decide(message, present, CAST):
            assert len(choice.rule) > 10


@pytest.mark.parametrize("text", ["(?", "\\", "[", "x" * 5000])
def test_hostile_text_is_only_text(text: str) -> None:
    assert named_in(text, CAST.values()) == []


def test_a_shared_word_names_nobody() -> None:
    twins = [character("a", "Anna Smith"), character("b", "Berta Smith")]
    assert named_in("Smith!", twins) == []
    assert [c.id for c in named_in("Berta!", twins)] == ["b"]
