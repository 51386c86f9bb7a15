"""A whole web platform on a free loopback port, over a house made of memory: the bot's side of the contract
is scripted, pictures go through the real intake, faces are drawn by the real hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from agent.character import Character, Kind, Profile
from agent.dialogue import Scenario, Speaker, SpeakerKind
from agent.faces import face
from agent.intake import Intake
from agent.picture import Maker, Note
from agent.settings import IntakeSettings
from bot.events import Answer, Attachment, Command, Event, Incoming, Outgoing, Place, Reacted
from bot.platforms.base import Delivery, Platform, ShowsDuets
from bot.platforms.web import WebPlatform
from bot.platforms.web.needs import DialogueSummary, PictureView, StoredPicture, TurnView
from bot.settings import WebSettings

PEOPLE = {
    "sherlock-holmes": ("Sherlock Holmes", "Arthur Conan Doyle", "You have been in a gallery, I perceive."),
    "ada-lovelace": ("Ada Lovelace", "London, 19th century", "Good day. Shall we reason about it?"),
    "hua-mulan": ("Hua Mulan", "The Ballad of Mulan", "Sit down; the tea is still warm."),
}


BLIND = "Tiny-135M speaks here. It does not see pictures: it is told colours found in them."


async def said_of_the_model() -> str:
    return BLIND


def character(id: str, name: str, origin: str, greeting: str, *, adult: bool = False) -> Character:
    return Character(
        id, name, origin, Kind.FICTIONAL, Profile(f"{name} of {origin}."), greeting=greeting, adult=adult
    )


@dataclass
class MemoryCast:
    characters: Mapping[str, Character] = field(
        default_factory=lambda: {id: character(id, *rest) for id, rest in PEOPLE.items()}
    )

    def face(self, character: Character) -> bytes:
        return face(character)


@dataclass
class MemoryArchive:
    folder: Path
    note: Note | None = None
    turns: dict[str, list[TurnView]] = field(default_factory=dict)  # by place, oldest first
    asked: list[str] = field(default_factory=list)

    async def dialogues(
        self, before: datetime | None, limit: int, *, viewer: str = ""
    ) -> list[DialogueSummary]:
        self.asked.append(viewer)
        found = [_summary(place, turns) for place, turns in self.turns.items() if turns]
        found = [d for d in found if before is None or d.last < before]
        return sorted(found, key=lambda d: d.last, reverse=True)[:limit]

    async def dialogue(self, dialogue_id: str, *, viewer: str = "") -> list[TurnView]:
        self.asked.append(viewer)
        return [self.noted(t) for t in self.turns.get(dialogue_id, [])]

    async def current(self, place: Place) -> list[TurnView]:
        return [self.noted(t) for t in self.turns.get(place.id, [])]

    def noted(self, turn: TurnView) -> TurnView:
        pictures = tuple(PictureView(p.sha256, p.width, p.height, self.note) for p in turn.pictures)
        return TurnView(turn.id, turn.speaker, turn.text, pictures, turn.at, turn.message_id)

    async def picture(self, sha256: str) -> StoredPicture | None:
        for mime, end in (("image/png", "png"), ("image/jpeg", "jpg")):
            path = self.folder / sha256[:2] / f"{sha256}.{end}"
            if path.exists():
                return StoredPicture(path, mime, self.note)
        return None


def _summary(place: str, turns: list[TurnView]) -> DialogueSummary:
    spoke = dict.fromkeys(t.speaker.id for t in turns if t.speaker.kind is SpeakerKind.CHARACTER)
    cover = next((p.sha256 for t in turns for p in t.pictures), "")
    words = next((t.text for t in turns if t.text), "")
    last = turns[-1].at or datetime.now(UTC)
    scenario = Scenario.INTER_ROLE if len(spoke) > 1 else Scenario.HUMAN_ROLE
    return DialogueSummary(place, scenario, "web", "web page", tuple(spoke), words, len(turns), last, cover)


@dataclass
class ScriptedInbox:
    """Answers every message word by word, as each addressed character, until told to stop. After `upto` words in
    all it waits for `hold`: what a page shows then is the same on a slow machine."""

    archive: MemoryArchive
    cast: MemoryCast
    pace: float = 0.0
    words: str = "The frame has been moved twice, and by a left-handed man. Observe the dust."
    events: list[Event] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    failure: Exception | None = None
    upto: int | None = None
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    platform: Platform | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _taken: set[str] = field(default_factory=set)
    _number: int = 0
    _said: int = 0

    async def receive(self, event: Event) -> None:
        if self.failure:
            raise self.failure
        self.events.append(event)
        if not isinstance(event, Incoming) or event.id in self._taken:
            return
        self._taken.add(event.id)
        self._keep(event.place, event.author.key, event.author.name, event.text, event.id, event.attachments)
        self._go(self._speak(event.place, event.addressed, event.id))

    async def command(self, command: Command) -> Answer:
        self.commands.append(command)
        if command.name == "duet":
            two = [str(command.arguments[k]) for k in ("first", "second")]
            if two[0] == two[1]:
                return Answer("A duet takes two different characters.")
            author = command.author
            self._keep(command.place, author.key, author.name, "", command.id, command.attachments)
            order = [two[n % 2] for n in range(int(command.arguments["turns"]))]
            self._go(self._duet(command.place, order))
            return Answer("**They** talk about a picture. Write to steer them.", private=False)
        if command.name == "stop":
            for task in list(self._tasks):
                task.cancel()
            return Answer("Stopped.")
        said = {
            "why": "Sherlock Holmes answered because the message named him.",
            "privacy": "Kept here: words.",
        }
        return Answer(said.get(command.name, "Done."))

    async def suggest(
        self, place: Place, command: str, argument: str, typed: str
    ) -> Sequence[tuple[str, str]]:
        return ()

    async def joined(self, platform: Platform) -> None:
        self.platform = platform

    async def __call__(self, turn_id: str, message_id: str) -> None: ...

    def reactions(self) -> list[Reacted]:
        return [e for e in self.events if isinstance(e, Reacted)]

    def messages(self) -> list[Incoming]:
        return [e for e in self.events if isinstance(e, Incoming)]

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _go(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _keep(
        self,
        place: Place,
        id: str,
        name: str,
        text: str,
        message: str,
        attachments: Sequence[Attachment] = (),
    ) -> None:
        shown = tuple(PictureView(a.sha256) for a in attachments)
        self._row(place, TurnView(message, Speaker(id, name, SpeakerKind.HUMAN), text, shown, None, message))

    def _row(self, place: Place, turn: TurnView) -> None:
        rows = self.archive.turns.setdefault(place.id, [])
        at = datetime.now(UTC) + timedelta(milliseconds=len(rows))
        rows.append(TurnView(turn.id, turn.speaker, turn.text, turn.pictures, at, turn.message_id))

    async def _speak(self, place: Place, ids: Sequence[str], after: str) -> None:
        assert self.platform is not None
        for id in ids:
            who = self.cast.characters[id]
            self._number += 1
            turn = f"t{self._number:04}"
            delivery = await self.platform.open(Outgoing(turn, place, id, who.name, after))
            await self._say(place, turn, who, delivery)

    async def _duet(self, place: Place, order: Sequence[str]) -> None:
        platform: object = self.platform
        assert isinstance(platform, ShowsDuets)
        await platform.duet(place, True)
        try:
            await self._speak(place, order, "")
        finally:
            await platform.duet(place, False)

    async def _say(self, place: Place, turn: str, who: Character, delivery: Delivery) -> None:
        text = ""
        try:
            for word in self.words.split(" "):
                if self.upto is not None and self._said >= self.upto:
                    await self.hold.wait()
                await asyncio.sleep(self.pace)
                self._said += 1
                text = f"{text} {word}".strip()
                await delivery.update(text)
        except asyncio.CancelledError:
            await delivery.finish(text)
            raise
        speaker = Speaker(who.id, who.name, SpeakerKind.CHARACTER)
        self._row(place, TurnView(turn, speaker, text, (), None, turn))
        await delivery.finish(text)


@dataclass
class Stand:
    platform: WebPlatform
    inbox: ScriptedInbox
    archive: MemoryArchive

    @property
    def origin(self) -> str:
        parts = urlsplit(self.platform.address)
        return f"{parts.scheme}://{parts.netloc}"


@asynccontextmanager
async def stand(
    folder: Path,
    *,
    pace: float = 0.0,
    settings: WebSettings | None = None,
    token: str = "",
    cast: MemoryCast | None = None,
    limits: IntakeSettings | None = None,
    heartbeat: float = 15.0,
) -> AsyncIterator[Stand]:
    intake_settings = (limits or IntakeSettings()).model_copy(update={"folder": folder})
    intake = Intake(intake_settings)
    cast = cast or MemoryCast()
    note = Note("A bowl of fruit on a dark table; a plate with a knife beside it.", Maker.EYES, "eyes-1")
    archive = MemoryArchive(folder, note)
    inbox = ScriptedInbox(archive, cast, pace)
    platform = WebPlatform(
        settings or WebSettings(port=0),
        token,
        intake=intake,
        cast=cast,
        archive=archive,
        model=said_of_the_model,
        intake_settings=intake_settings,
        heartbeat=heartbeat,
    )
    task = asyncio.create_task(platform.run(inbox, inbox))
    try:
        ready = asyncio.create_task(platform.ready.wait())
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if task.done():
            await task
        yield Stand(platform, inbox, archive)
    finally:
        await inbox.close()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        intake.close()
