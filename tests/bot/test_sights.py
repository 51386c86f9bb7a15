"""The order in which pictures count as recent."""

from pathlib import Path

from agent.picture import Picture
from bot.sights import shown_in


def picture(n: int) -> Picture:
    return Picture(f"{n:064x}", Path("/nowhere"), "image/png", 4, 3, "0" * 16)


def test_a_picture_that_is_shown_again_is_the_latest() -> None:
    one, two, three = picture(1), picture(2), picture(3)
    assert shown_in([(one,), (two, three), (one,)]) == [two, three, one]
