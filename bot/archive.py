"""Past dialogues for the web page: the journal's answers in the page's words."""

from datetime import datetime
from itertools import takewhile

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.dialogue import Scenario, Speaker, SpeakerKind
from bot.events import Place
from bot.house import House, now
from bot.platforms.web.needs import DialogueSummary, PictureView, StoredPicture, TurnView
from bot.traces import trace
from journal import channels, pictures, reading, turns
from journal.dialogues import DialogueRow
from journal.turns import TurnRow

READABLE = ("heard", "written", "delivered")
OPENING = 200  # characters of a dialogue's first words
SHOWN = 6  # last dialogues of a place that its page still shows


class Archive:
    """Implements bot.platforms.web.needs.Archive. Whole dialogues are read, a question or two a picture: on SQLite
    that is not brief (decision 006), 120 turns would hold up everything else for 30 to 50 ms."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def dialogues(
        self, before: datetime | None, limit: int, *, viewer: str = ""
    ) -> list[DialogueSummary]:
        async with self._house.journal.read(long=True) as tx:
            rows = await reading.latest(tx, before=before, limit=limit, person_id=viewer)
            return [await self._summary(tx, row) for row in rows]

    async def dialogue(self, dialogue_id: str, *, viewer: str = "") -> list[TurnView]:
        async with self._house.journal.read(long=True) as tx:
            rows = await self._readable(tx, dialogue_id)
            if viewer and not any(r.speaker_id == viewer for r in rows):
                return []
            return [await self._view(tx, row) for row in rows]

    async def current(self, place: Place) -> list[TurnView]:
        """Back to where a person asked for a new dialogue: one that ended by itself (a duet, a silence) is
        still what its people were talking about."""
        async with self._house.journal.read(long=True) as tx:
            recent = await reading.of_channel(tx, place.key, limit=SHOWN)
            still = takewhile(lambda row: row.end_reason != "new", recent)
            views = []
            for row in reversed(list(still)):
                over = row.ended_at is not None or now() - row.last_at > self._house.idle
                rows = await self._readable(tx, row.id, traces=True)
                views += [await self._view(tx, t, over=over) for t in rows]
            return views

    async def picture(self, sha256: str) -> StoredPicture | None:
        async with self._house.journal.read() as tx:
            found = await pictures.get(tx, sha256, self._house.pictures)
            note = await pictures.best_note(tx, sha256) if found else None
        return StoredPicture(found.path, found.mime, note) if found else None

    async def _readable(
        self, tx: AsyncConnection, dialogue_id: str, *, traces: bool = False
    ) -> list[TurnRow]:
        """`traces`: also turns of which nothing came, unless they were asked for again with success."""
        rows = [r for r in await turns.of_dialogue(tx, dialogue_id) if r.deleted_at is None]
        answered = {r.root for r in rows if r.state in READABLE}
        # A duet without a picture begins with an empty turn of the person who asked for it.
        return [
            r
            for r in rows
            if (r.state in READABLE and (r.text or r.pictures))
            or (traces and r.state in turns.UNSAID and r.root not in answered)
        ]

    async def _summary(self, tx: AsyncConnection, row: DialogueRow) -> DialogueSummary:
        rows = await self._readable(tx, row.id)
        channel = await channels.get(tx, row.channel_id)
        spoke = [r.speaker_id for r in rows if r.speaker_kind == SpeakerKind.CHARACTER]
        first = next((r.text for r in rows if r.text), "")
        shown = [sha for r in rows for sha in r.pictures]
        return DialogueSummary(
            id=row.id,
            scenario=Scenario(row.scenario),
            platform=row.channel_id.split(":", 1)[0],
            place=channel.name if channel else "",
            characters=tuple(dict.fromkeys(spoke)),
            opening=first[:OPENING],
            turns=len(rows),
            last=row.last_at,
            cover=shown[0] if shown else "",
        )

    async def _view(self, tx: AsyncConnection, row: TurnRow, *, over: bool = False) -> TurnView:
        views = []
        for sha in row.pictures:
            found = await pictures.get(tx, sha, self._house.pictures)
            if found:
                note = await pictures.best_note(tx, sha)
                views.append(PictureView(sha, found.width, found.height, note))
        speaker = Speaker(row.speaker_id, row.speaker_name, SpeakerKind(row.speaker_kind))
        message = row.message_ids[0] if row.message_ids else ""
        gone = trace(row.speaker_name, row.state) if row.state in turns.UNSAID else ""
        said = "" if gone else row.text
        return TurnView(
            row.id, speaker, said, tuple(views), row.created_at, message, row.dialogue_id, over, gone
        )
