"""What the request handlers share."""

from collections import OrderedDict
from dataclasses import dataclass, field

from agent.picture import Picture
from agent.settings import IntakeSettings
from bot.events import Place
from bot.platforms.base import Inbox
from bot.platforms.web.guard import Guard
from bot.platforms.web.hub import Hub
from bot.platforms.web.needs import (
    Archive,
    BringsModels,
    PictureView,
    ShowsCast,
    StoredPicture,
    TakesPictures,
    TellsModel,
)
from bot.platforms.web.people import People

FRESH = 512


@dataclass
class Desk:
    """`fresh` are pictures that came in just now: the page shows them before the journal knows them."""

    inbox: Inbox
    hub: Hub
    guard: Guard
    people: People
    intake: TakesPictures
    cast: ShowsCast
    archive: Archive
    model: TellsModel
    limits: IntakeSettings
    supply: BringsModels | None = None
    adult: bool = False
    heartbeat: float = 15.0
    fresh: OrderedDict[str, Picture] = field(default_factory=OrderedDict)

    def place(self, conversation: str) -> Place:
        return Place("web", conversation, name="web page", private=True, adult=self.adult)

    def keep(self, picture: Picture) -> PictureView:
        self.fresh[picture.sha256] = picture
        self.fresh.move_to_end(picture.sha256)
        while len(self.fresh) > FRESH:
            self.fresh.popitem(last=False)
        return PictureView(picture.sha256, picture.width, picture.height)

    async def picture(self, sha256: str) -> StoredPicture | None:
        stored = await self.archive.picture(sha256)
        if stored is None and (picture := self.fresh.get(sha256)):
            return StoredPicture(picture.path, picture.mime)
        return stored
