"""What can be set about the journal."""

from typing import Literal

from pydantic import Field

from agent.settings import Room


class JournalSettings(Room):
    """`url` is SQLAlchemy's: `sqlite+aiosqlite:///data/journal.db` or `postgresql+asyncpg://user@host/name`
    (a password comes from the environment variable VIGNETTE_DATABASE_PASSWORD)."""

    url: str = "sqlite+aiosqlite:///data/journal.db"
    durability: Literal["process", "power"] = "process"
    retention_days: int = Field(0, ge=0, description="dialogues ended so long ago are deleted; 0: kept")
    idle_minutes: float = Field(180.0, gt=0, description="a silence that ends a channel's dialogue")
