"""Little people, characters and conversations for the journal's tests."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from agent.character import Character, Kind, Profile
from agent.dialogue import Scenario
from agent.picture import Picture
from journal import channels, dialogues, pictures, turns
from journal.channels import Channel
from journal.dialogues import DialogueRow
from journal.journal import Journal
from journal.people import Person
from journal.turns import Made, TurnRow

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
HOLMES = Character(
    "sherlock-holmes", "Sherlock Holmes", "A Study in Scarlet", Kind.FICTIONAL, Profile("A detective.")
)
ADA = Character("ada-lovelace", "Ada Lovelace", "history", Kind.HISTORICAL, Profile("A mathematician."))
MADE = Made(
    "t1", "abc", "tiny@1", seed=7, prompt_tokens=10, reply_tokens=5, total_ms=12.5, cost=0.25, finish="stop"
)


def person(name: str, platform: str = "web") -> Person:
    return Person(f"{platform}:{name.lower()}", platform, name.lower(), name)


async def begin(journal: Journal, native: str = "1", platform: str = "web") -> DialogueRow:
    async with journal.write() as tx:
        await channels.touch(tx, Channel(f"{platform}:{native}", platform, native))
        return await dialogues.begin(tx, f"{platform}:{native}", Scenario.HUMAN_ROLE, now=AT)


async def say(
    journal: Journal,
    dialogue: DialogueRow,
    who: Person,
    text: str,
    message_id: str,
    *,
    shown: Sequence[str] = (),
    heard_by: Sequence[Character] = (HOLMES,),
) -> TurnRow:
    async with journal.write() as tx:
        return await turns.hear(
            tx,
            dialogue_id=dialogue.id,
            channel_id=dialogue.channel_id,
            person=who,
            text=text,
            pictures=shown,
            message_id=message_id,
            platform=who.platform,
            witnesses=[character.id for character in heard_by],
            at=AT,
        )


async def answer(
    journal: Journal,
    dialogue: DialogueRow,
    text: str,
    *,
    to: TurnRow | None = None,
    by: Character = HOLMES,
    heard_by: Sequence[Character] = (),
    instead_of: TurnRow | None = None,
    message_id: str = "",
) -> TurnRow:
    async with journal.write() as tx:
        turn = await turns.plan(
            tx,
            dialogue_id=dialogue.id,
            channel_id=dialogue.channel_id,
            character=by,
            rule="named",
            reply_to=to.id if to else "",
            witnesses=[character.id for character in heard_by],
            alternative_of=instead_of.id if instead_of else "",
        )
        await turns.write(tx, turn.id, text, MADE)
        await turns.posted(tx, turn.id, dialogue.channel_id.split(":")[0], message_id or f"out-{turn.id}")
        await turns.delivered(tx, turn.id)
        found = await turns.get(tx, turn.id)
    assert found is not None
    return found


async def bring(journal: Journal, folder: Path, data: bytes, phash: str = "00000000000000ff") -> Picture:
    """A picture (of bytes that need be none) in its folder and in the journal."""
    digest = sha256(data).hexdigest()
    path = pictures.file_of(folder, digest, "image/png")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    picture = Picture(digest, path, "image/png", 4, 3, phash)
    async with journal.write() as tx:
        await pictures.add(tx, picture)
    return picture
