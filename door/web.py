"""Puts the web platform together with what it needs from the house."""

from collections.abc import Callable, Mapping

from agent.cast import Cast, fold
from agent.character import Character
from agent.faces import face
from agent.settings import IntakeSettings
from agent.supply import Supply
from bot.archive import Archive
from bot.house import House
from bot.model import introduced
from bot.platforms.web.platform import WebPlatform
from bot.settings import WebSettings
from bot.sights import Shelf


class Faces:
    """The cast with its faces: the default character first, whom the page then proposes, the others by name."""

    def __init__(self, cast: Cast, default: str) -> None:
        self._cast, self._default = cast, default

    @property
    def characters(self) -> Mapping[str, Character]:
        self._cast.reload()
        shown = self._cast.characters.values()
        return {c.id: c for c in sorted(shown, key=lambda c: (c.id != self._default, fold(c.name)))}

    def face(self, character: Character) -> bytes:
        return face(character)


def make_web(
    settings: WebSettings,
    house: House,
    token: str,
    intake: IntakeSettings,
    *,
    told: Callable[[str], None],
    supply: Supply | None = None,
) -> WebPlatform:
    return WebPlatform(
        settings,
        token,
        intake=Shelf(house),
        cast=Faces(house.cast, house.default),
        archive=Archive(house),
        model=lambda: introduced(house),
        intake_settings=intake,
        supply=supply,
        told=told,
    )
