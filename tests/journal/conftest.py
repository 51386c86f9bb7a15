"""Every test that asks for `journal` runs on SQLite and on a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from journal.ids import new_id
from journal.journal import Journal
from journal.settings import JournalSettings
from tests.fakes import postgres


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    try:
        with postgres.cluster() as socket:
            yield socket
    except postgres.PostgresMissing as missing:
        pytest.skip(str(missing))


@pytest_asyncio.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/journal.db"
    return await postgres.new_database(request.getfixturevalue("postgres_socket"), f"j{new_id().lower()}")


@pytest_asyncio.fixture
async def journal(url: str) -> AsyncIterator[Journal]:
    async with await Journal.open(JournalSettings(url=url)) as opened:
        yield opened
