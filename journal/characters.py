"""Every version of a character that ever spoke, so that old turns can be read against its profile then."""

from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.character import Character
from agent.errors import JournalError
from journal.schema import characters
from journal.sql import insert_new
from journal.types import now


@dataclass(frozen=True)
class CharacterVersion:
    """One recorded version; `version` is Character.version."""

    id: str
    version: str
    name: str
    recorded_at: datetime


_KNOWN = select(characters.c.id).where(
    characters.c.id == bindparam("id"), characters.c.version == bindparam("version")
)


async def record(tx: AsyncConnection, character: Character) -> None:
    """Keeps this version's full JSON, once."""
    known = await tx.execute(_KNOWN, {"id": character.id, "version": character.version})
    if known.first() is None:
        await insert_new(
            tx,
            characters,
            id=character.id,
            version=character.version,
            name=character.name,
            body=as_json(character),
            recorded_at=now(),
        )


async def versions(tx: AsyncConnection, id: str) -> list[CharacterVersion]:
    """A character's recorded versions, oldest first."""
    columns = [characters.c[name] for name in ("id", "version", "name", "recorded_at")]
    query = select(*columns).where(characters.c.id == id)
    rows = await tx.execute(query.order_by(characters.c.recorded_at, characters.c.version))
    return [CharacterVersion(**row._mapping) for row in rows]


async def load(tx: AsyncConnection, id: str, version: str) -> dict[str, Any]:
    """The JSON that `as_json` made of that version. Raises JournalError where it never spoke here."""
    query = select(characters.c.body).where(characters.c.id == id, characters.c.version == version)
    body = (await tx.execute(query)).scalar_one_or_none()
    if body is None:
        raise JournalError(
            f"version {version} of {id} is not in the journal", mend="`journal stats` lists some"
        )
    found: dict[str, Any] = body
    return found


def as_json(character: Character) -> dict[str, Any]:
    """All fields of a character, with `version` and `spoken` (Character.spoken). Of the portrait only its
    hash: it cannot change what is said, and its bytes are in the character's own file."""
    plain = {name: value for name, value in vars(character).items() if name not in ("portrait", "version")}
    body: dict[str, Any] = _plain(plain)
    portrait = character.portrait
    body["portrait_sha256"] = sha256(portrait).hexdigest() if portrait is not None else ""
    return body | {"version": character.version, "spoken": character.spoken()}


def _plain(value: Any) -> Any:
    """JSON-ready data out of frozen dataclasses, mappings and tuples."""
    if hasattr(value, "__dataclass_fields__"):
        return _plain(asdict(value))
    if hasattr(value, "items"):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)
