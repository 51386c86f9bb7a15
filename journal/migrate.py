"""Brings a database's schema up to date, inside one transaction, with the steps in journal/migrations/."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.errors import JournalError
from journal.schema import HEAD, VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config

    from journal.journal import Journal

APPLICATION_ID = 0x56474E54  # marks an SQLite file as ours ("VGNT")


async def is_current(journal: "Journal") -> bool:
    """True where nothing is to be done; says nothing about why not."""
    async with journal.read(long=True) as tx:
        return await tx.run_sync(_revision) == HEAD


async def upgrade(tx: AsyncConnection, target: str = "head") -> None:
    """Takes the schema to `target`. Raises JournalError where the database is another program's, or was
    written by a newer version of this one."""
    await tx.run_sync(_upgrade, target)


def config(connection: Connection | None = None) -> "Config":
    """Alembic's configuration, without an alembic.ini."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    made.attributes["connection"] = connection
    return made


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def _upgrade(connection: Connection, target: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    settings = config(connection)
    revision = _revision(connection)
    known = {step.revision for step in ScriptDirectory.from_config(settings).walk_revisions()}
    for wanted in (revision, None if target == "head" else target):
        if wanted is not None and wanted not in known:
            raise JournalError(
                f"a newer version of Vignette wrote this (schema {wanted}, this one knows {HEAD})",
                where=_where(connection),
                mend="update Vignette, or let journal.url name another journal",
            )
    if revision is None:
        _check_empty(connection)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    try:
        command.upgrade(settings, target)
    except DBAPIError as error:
        raise JournalError(
            f"the schema cannot be brought up to date: {error.orig}",
            where=_where(connection),
            mend="nothing was changed; give the journal a database of its own, or report this",
        ) from error


def _check_empty(connection: Connection) -> None:
    """A database without our mark must hold nothing of ours to overwrite, and on SQLite nothing at all."""
    from journal.schema import metadata

    present = set(inspect(connection).get_table_names())
    foreign: Any = present if connection.dialect.name == "sqlite" else present & set(metadata.tables)
    if foreign:
        raise JournalError(
            f"this database belongs to something else (it has a table '{min(foreign)}')",
            where=_where(connection),
            mend="let journal.url name another file or database",
        )


def _where(connection: Connection) -> str:
    return connection.engine.url.render_as_string()
