import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from tests.bot.platforms.web.stand import Stand, stand


@pytest.fixture
def png() -> bytes:
    made = io.BytesIO()
    Image.linear_gradient("L").resize((320, 200)).convert("RGB").save(made, "PNG")
    return made.getvalue()


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path, heartbeat=0.2) as made:
        yield made


@contextlib.asynccontextmanager
async def visitor(here: Stand, *, known: bool = True) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser's manners without a browser; `known` has come in by the link."""
    jar = aiohttp.CookieJar(unsafe=True)
    headers = {"Origin": here.origin, "Sec-Fetch-Site": "same-origin"}
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(
        here.origin, cookie_jar=jar, headers=headers, timeout=timeout
    ) as session:
        if known:
            async with session.get(here.platform.address) as answer:
                assert answer.status == 200
        yield session


@pytest.fixture
async def guest(here: Stand) -> AsyncIterator[aiohttp.ClientSession]:
    async with visitor(here) as session:
        yield session


@pytest.fixture
async def stranger(here: Stand) -> AsyncIterator[aiohttp.ClientSession]:
    async with visitor(here, known=False) as session:
        yield session
