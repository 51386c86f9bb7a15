"""What people do to turns after they were spoken: edits and deletions that happened on the platform."""

from sqlalchemy import delete as delete_from
from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.dialogue import SpeakerKind
from journal.ids import new_id
from journal.schema import events, revisions, turn_messages, turn_pictures, turns
from journal.types import now


async def edit(tx: AsyncConnection, id: str, text: str) -> None:
    """The turn reads otherwise from now on. Its former text is kept among its revisions."""
    former = (await tx.execute(select(turns.c.text).where(turns.c.id == id))).scalar_one_or_none()
    if former is None or former == text:
        return
    at = now()
    await tx.execute(revisions.insert().values(id=new_id(), turn_id=id, text=former, at=at))
    await tx.execute(update(turns).where(turns.c.id == id).values(text=text, edited_at=at))


async def former_texts(tx: AsyncConnection, id: str) -> list[str]:
    """What the turn read before each edit, oldest first."""
    rows = await tx.execute(
        select(revisions.c.text).where(revisions.c.turn_id == id).order_by(revisions.c.id)
    )
    return [row.text for row in rows]


async def delete(tx: AsyncConnection, id: str) -> None:
    """The turn is gone from its platform and from every dialogue.

    A person who deletes their message takes its words back: text, revisions, pictures and the stored event
    go, only an empty row stays. A character's deleted words are kept (that they were deleted says something
    about them) but no character witnesses them again.
    """
    kind = select(turns.c.speaker_kind).where(turns.c.id == id)
    speaker = (await tx.execute(kind)).scalar_one_or_none()
    values: dict[str, object] = {"deleted_at": now()}
    if speaker == SpeakerKind.HUMAN:
        values["text"] = ""
        await tx.execute(delete_from(revisions).where(revisions.c.turn_id == id))
        await tx.execute(delete_from(turn_pictures).where(turn_pictures.c.turn_id == id))
        messages = select(turn_messages.c.platform, turn_messages.c.message_id)
        mine = tuple_(events.c.platform, events.c.message_id).in_(
            messages.where(turn_messages.c.turn_id == id)
        )
        await tx.execute(update(events).where(mine).values(payload={}))
    await tx.execute(update(turns).where(turns.c.id == id, turns.c.deleted_at.is_(None)).values(**values))
