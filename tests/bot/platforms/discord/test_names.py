"""Names, nonces and ids."""

import unicodedata
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.platforms.discord.faces import EMOJI_BYTES, emoji_name, fitting
from bot.platforms.discord.names import begun, message_id, nonce, shown_name, snowflake, webhook_name


@settings(deadline=None)
@given(st.text())
def test_webhook_names_are_always_taken(name: str) -> None:
    made = webhook_name(name)
    assert 1 <= len(made) <= 80
    assert "discord" not in made.lower()
    assert "clyde" not in made.lower()


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*"discord", *"clyde", "\u200b", "\u200d", "\u2060", "\xad", " ", "🎩"])).map(
        "".join
    )
)
def test_what_nobody_sees_hides_no_forbidden_word(name: str) -> None:
    shown = "".join(c for c in webhook_name(name) if unicodedata.category(c) != "Cf").lower()
    assert "discord" not in shown
    assert "clyde" not in shown


def test_a_name_is_compared_as_it_is_shown() -> None:
    assert shown_name(" Sher\u200block \n Holmes\u2060") == "Sherlock Holmes"
    assert webhook_name("Cl\u200dyde") == "Cly-de"
    assert shown_name("👩\u200d🚀 Vera") == "👩\u200d🚀 Vera", "one emoji stays one"
    assert webhook_name("\u200b") == "Character"


@settings(deadline=None)
@given(st.text(), st.integers(0, 50))
def test_nonces_fit_and_tell_turns_apart(turn: str, index: int) -> None:
    assert len(nonce(turn, index)) <= 25
    assert nonce(turn, index) == nonce(turn, index)
    assert nonce(turn, index) != nonce(turn + "x", index)
    assert nonce(turn, index) != nonce(turn, index + 1)


def test_ids_of_messages_and_commands() -> None:
    assert (message_id("12"), message_id("i12"), message_id("")) == (12, 0, 0)
    assert (snowflake("12"), snowflake("i12"), snowflake("x")) == (12, 12, 0)


def test_a_ulid_says_when_a_turn_began() -> None:
    assert begun("01ARZ3NDEKTSV4RRFFQ69G5FAV") == datetime(2016, 7, 30, 23, 54, 10, 259_000, UTC)
    assert begun("turn-1") is None
    assert begun("z" * 26) is None


def test_faces_fit_into_an_emoji() -> None:
    import io

    from PIL import Image

    noise = Image.effect_noise((700, 700), 90)
    out = io.BytesIO()
    noise.save(out, "PNG")
    assert len(out.getvalue()) > EMOJI_BYTES
    small = fitting(out.getvalue())
    assert len(small) <= EMOJI_BYTES
    with Image.open(io.BytesIO(small)) as image:
        assert image.size == (128, 128)
    assert fitting(b"tiny") == b"tiny"
    assert emoji_name("sherlock-holmes", b"a") != emoji_name("sherlock-holmes", b"b")
    assert len(emoji_name("a-character-with-a-very-long-identity", b"a")) <= 32
