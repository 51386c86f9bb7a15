"""A server that somebody named on the page: what is typed, what the server has, whether it answers."""

from pathlib import Path

import pytest

from agent.backends.reach import base_url, reach
from agent.errors import BackendError, ConfigError
from agent.settings import AgentSettings, Endpoint, OpenAISettings
from tests.fakes.openai_server import Answer, ScriptedServer


@pytest.fixture
def settings(tmp_path: Path) -> AgentSettings:
    return AgentSettings(cache=tmp_path / "cache", openai=OpenAISettings(retries=0, seconds=20))


@pytest.mark.parametrize(
    ("typed", "base"),
    [
        ("localhost:8080", "http://localhost:8080/v1"),
        (" http://127.0.0.1:11434/ ", "http://127.0.0.1:11434/v1"),
        ("https://api.example.org/v1", "https://api.example.org/v1"),
        ("https://example.org/v1/chat/completions", "https://example.org/v1"),
        ("https://example.org/openai/deployments/x", "https://example.org/openai/deployments/x"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
    ],
)
def test_what_servers_print_is_understood(typed: str, base: str) -> None:
    assert base_url(typed) == base


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "file:///etc/passwd",
        "http://",
        "http://a:99999",
        "http://me:pw@host/v1",
        "http://a\n/v1",
        "http://[::1",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ConfigError, match="no address"):
        base_url(typed)


async def test_its_only_model_needs_no_name(settings: AgentSettings) -> None:
    async with ScriptedServer() as server:
        server.key, server.sight = "sesame", "reads"
        backend, endpoint = await reach(settings, server.url, "", "sesame")
        try:
            assert endpoint == Endpoint(base_url=server.url, model="fake", key_env="OPENAI_API_KEY")
            assert (await backend.abilities()).sees
            assert {s.headers["Authorization"] for s in server.seen} == {"Bearer sesame"}
        finally:
            await backend.close()


async def test_of_several_one_must_be_named(settings: AgentSettings) -> None:
    async with ScriptedServer() as server:
        server.models = [{"id": f"m{n}"} for n in range(10)]
        with pytest.raises(BackendError, match=r"several models: m0, .*m7 and 2 more"):
            await reach(settings, server.url, "", "")
        backend, endpoint = await reach(settings, server.url, "m3", "")
        await backend.close()
        assert (endpoint.model, endpoint.key_env) == ("m3", "")


async def test_a_list_of_any_shape_is_none(settings: AgentSettings) -> None:
    async with ScriptedServer() as server:
        server.models = [{"id": 7}, {"name": "x"}, {"id": "with\nline"}]
        with pytest.raises(BackendError, match="does not say which models"):
            await reach(settings, server.url, "", "")


async def test_a_server_that_will_not_do_is_told(settings: AgentSettings) -> None:
    with pytest.raises(BackendError, match="connection failed"):
        await reach(settings, "http://127.0.0.1:9", "fake", "")
    async with ScriptedServer() as server:
        server.key = "sesame"
        with pytest.raises(BackendError) as wrong:
            await reach(settings, server.url, "fake", "open-up")
        assert "open-up" not in str(wrong.value)
        server.key = ""
        server.script(Answer(status=404, body={"error": {"message": "model 'fake' is not loaded"}}))
        with pytest.raises(BackendError, match="not loaded"):
            await reach(settings, server.url, "fake", "")
