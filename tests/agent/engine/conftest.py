"""One worker with the embedded model for the whole session; tests leave it usable."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agent.backends.llama import LlamaBackend
from agent.settings import LlamaSettings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def llama(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LlamaBackend]:
    backend = LlamaBackend(LlamaSettings(context=2048), cache=tmp_path_factory.mktemp("cache"))
    await backend.start()
    yield backend
    await backend.close()
