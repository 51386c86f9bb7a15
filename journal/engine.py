"""The database engine: how a connection is set up, how a transaction begins, what an error means."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from agent.errors import JournalError
from journal import sqlite
from journal.brief import Brief
from journal.settings import JournalSettings

DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")
WRITER_LOCK = 0x5649474E  # the key of PostgreSQL's advisory lock
_EXAMPLE = "use sqlite+aiosqlite:///data/journal.db or postgresql+asyncpg://user@host/name"


def make_engine(settings: JournalSettings, password: str, busy_seconds: float) -> AsyncEngine:
    """An engine for the address in the settings. Raises JournalError for one that cannot be used."""
    url = _url(settings.url)
    if url.drivername == "sqlite+aiosqlite":
        return _sqlite(url, settings, busy_seconds)
    return _postgres(url, password, settings, busy_seconds)


def _url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise JournalError(
            "journal.url is no database address", where="journal.url", mend=_EXAMPLE
        ) from error
    if url.drivername not in DRIVERS:
        raise JournalError(
            f"'{url.drivername}' is no database the journal can use", where="journal.url", mend=_EXAMPLE
        )
    return url


def _sqlite(url: URL, settings: JournalSettings, busy_seconds: float) -> AsyncEngine:
    name = url.database or ""
    if not name or ":memory:" in name or name.startswith("file:"):
        raise JournalError("the journal needs a file to live in", where="journal.url", mend=_EXAMPLE)
    path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(
            f"its folder cannot be made ({error.strerror})",
            where=name,
            mend="choose a folder you may write to",
        ) from error
    if path.is_dir():
        raise JournalError("this is a folder, not a file", where=name, mend=_EXAMPLE)
    arguments = {"async_creator_fn": lambda *_, **__: sqlite.connect(str(path), busy_seconds)}
    engine = create_async_engine(url, connect_args=arguments, pool_size=8, max_overflow=8)
    sqlite.manners(engine.sync_engine, synchronous(settings))
    return engine


def make_brief(engine: AsyncEngine, settings: JournalSettings, busy_seconds: float) -> Brief | None:
    """What brief transactions run on; None on PostgreSQL, which is always asked over its socket."""
    if engine.dialect.name != "sqlite":
        return None
    return Brief(engine, str(engine.url.database), synchronous(settings), busy_seconds)


def synchronous(settings: JournalSettings) -> str:
    """SQLite's setting for a durability."""
    return "FULL" if settings.durability == "power" else "NORMAL"


def _postgres(url: URL, password: str, settings: JournalSettings, busy_seconds: float) -> AsyncEngine:
    if password:
        url = url.set(password=password)
    # PostgreSQL's nearest to "survives a crash of the program, not a loss of power".
    commit = "on" if settings.durability == "power" else "off"
    options = {
        "synchronous_commit": commit,
        "lock_timeout": str(int(busy_seconds * 1000)),
        "application_name": "vignette",
    }
    try:
        engine = create_async_engine(
            url, connect_args={"server_settings": options, "timeout": busy_seconds}, pool_pre_ping=True
        )
    except (ImportError, NoSuchModuleError) as error:
        raise JournalError(
            "PostgreSQL needs the package asyncpg",
            where="journal.url",
            mend="pip install 'vignette[postgres]'",
        ) from error

    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("vignette_write"):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    event.listen(engine.sync_engine, "begin", begin)
    return engine


@contextmanager
def explain(engine: AsyncEngine) -> Iterator[None]:
    """Turns what only a person can mend (a full disk, a lock, a server that is gone) into JournalError.
    Errors in what was asked, such as a broken constraint, stay what they are."""
    where = engine.url.database or "" if engine.dialect.name == "sqlite" else engine.url.render_as_string()
    try:
        yield
    except IntegrityError:
        raise
    except (OperationalError, InterfaceError, InternalError, PoolTimeout) as error:
        raise JournalError(*_said(error), where=where, mend=_mend(str(error))) from error
    except DBAPIError as error:
        if (
            type(error) is not DBAPIError
            and "not a database" not in str(error)
            and "malformed" not in str(error)
        ):
            raise
        raise JournalError(*_said(error), where=where, mend=_mend(str(error))) from error


@contextmanager
def reaching(engine: AsyncEngine) -> Iterator[None]:
    """Around making a connection: a server that cannot be reached becomes JournalError."""
    try:
        yield
    except OSError as error:  # TimeoutError and ConnectionError among them
        raise JournalError(
            f"the database cannot be reached ({error or type(error).__name__})",
            where=engine.url.render_as_string(),
            mend="is the server running, and the address in journal.url right?",
        ) from error


def _said(error: SQLAlchemyError) -> tuple[str]:
    original = getattr(error, "orig", None) or error
    return (
        f"the database says: {str(original).splitlines()[0] if str(original) else type(original).__name__}",
    )


_MENDS = (
    ("not a database", "this file is something else; let journal.url name another, or restore a backup"),
    ("malformed", "the file is damaged: run `journal verify`, then restore a backup"),
    ("locked", "another program holds the file; stop it, or wait and try again"),
    ("lock timeout", "another program holds the journal; stop it, or wait and try again"),
    ("readonly", "give this user the right to write the file and its folder"),
    ("unable to open", "give this user the right to write the file and its folder"),
    ("full", "free some space on the disk"),
    ("disk i/o", "check the disk"),
    ("password", "set VIGNETTE_DATABASE_PASSWORD"),
    ("does not exist", "create that database or role, or correct journal.url"),
)


def _mend(message: str) -> str:
    lowered = message.lower()
    return next(
        (mend for sign, mend in _MENDS if sign in lowered), "check journal.url and the database's own log"
    )
