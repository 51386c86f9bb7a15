"""The openai backend against the contract, with a scripted server behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.backends.base import Backend
from agent.backends.openai import OpenAIBackend
from agent.settings import AbilitySettings, Endpoint, OpenAISettings, Secrets
from tests.agent.backends.contract import BackendContract
from tests.fakes.openai_server import ScriptedServer


class TestStreaming(BackendContract):
    exact_counts = False

    @pytest.fixture
    async def server(self) -> AsyncIterator[ScriptedServer]:
        async with ScriptedServer() as server:
            self.shape(server)
            yield server

    def shape(self, server: ScriptedServer) -> None:
        server.grammar = True
        server.context = 2_048
        server.models[0]["max_model_len"] = 2_048

    @pytest.fixture
    async def backend(self, server: ScriptedServer, tmp_path: Path) -> AsyncIterator[Backend]:
        settings = OpenAISettings(endpoints=(Endpoint(base_url=server.url, model="fake"),))
        backend = OpenAIBackend(
            settings, Secrets(), abilities=AbilitySettings(), cache=tmp_path / "cache", pause=0.01
        )
        await backend.start()
        yield backend
        await backend.close()

    @pytest.fixture
    async def fresh(self, server: ScriptedServer, tmp_path: Path) -> Backend:
        settings = OpenAISettings(endpoints=(Endpoint(base_url=server.url, model="fake"),))
        return OpenAIBackend(settings, Secrets(), abilities=AbilitySettings(), cache=tmp_path / "other")


class TestPlain(TestStreaming):
    """A server that neither streams, nor reports usage, nor knows parameters beyond OpenAI's."""

    def shape(self, server: ScriptedServer) -> None:
        super().shape(server)
        server.streams = server.usage = False
        server.rejects = {"top_k", "min_p", "repeat_penalty", "repetition_penalty", "stream_options"}


class TestCounting(TestStreaming):
    """A server that counts tokens itself (vLLM's /tokenize)."""

    exact_counts = True

    def shape(self, server: ScriptedServer) -> None:
        super().shape(server)
        server.counts = True
