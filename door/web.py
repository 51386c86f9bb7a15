"""Puts the web platform together with what it needs from the house."""

from collections.abc import Callable, Mapping

from agent.cast import Cast
from agent.character import Character
from agent.faces import face
from agent.settings import IntakeSettings
from bot.archive import Archive
from bot.house import House
from bot.platforms.web.platform import WebPlatform
from bot.settings import WebSettings
from bot.sights import Shelf


class Faces:
    """The cast with its faces."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast

    @property
    def characters(self) -> Mapping[str, Character]:
        self._cast.reload()
        return self._cast.characters

    def face(self, character: Character) -> bytes:
        return face(character)


def make_web(
    settings: WebSettings, house: House, token: str, intake: IntakeSettings, *, told: Callable[[str], None]
) -> WebPlatform:
    return WebPlatform(
        settings,
        token,
        intake=Shelf(house),
        cast=Faces(house.cast),
        archive=Archive(house),
        intake_settings=intake,
        told=told,
    )
