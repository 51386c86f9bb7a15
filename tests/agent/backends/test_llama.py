"""The llama backend with the embedded model: the contract, its name, and what it can do."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.backends.base import Abilities, Backend, Piece, Request, Sampling
from agent.backends.llama import LlamaBackend
from agent.engine.embedded import VOICE, embedded_path
from agent.errors import BackendDown, BackendError
from agent.settings import AbilitySettings, LlamaSettings
from tests.agent.backends.contract import HELLO, BackendContract

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LlamaBackend]:
    backend = LlamaBackend(LlamaSettings(context=1024), cache=tmp_path_factory.mktemp("cache"))
    await backend.start()
    yield backend
    await backend.close()


class TestLlama(BackendContract):
    @pytest.fixture
    def backend(self, shared: LlamaBackend) -> Backend:
        return shared

    @pytest.fixture
    def fresh(self, tmp_path: Path) -> Backend:
        return LlamaBackend(LlamaSettings(context=512), cache=tmp_path)


async def test_name_is_stem_and_hash(tmp_path: Path) -> None:
    path = embedded_path()
    whole = hashlib.sha256(path.read_bytes()).hexdigest()
    backend = LlamaBackend(LlamaSettings(adapter=""), cache=tmp_path)
    assert backend.model == f"SmolLM2-135M-Instruct.Q4_1-{whole[:12]}"
    assert whole in (tmp_path / "digests.json").read_text()


async def test_the_adapter_that_ships_is_the_embedded_models_and_no_others(tmp_path: Path) -> None:
    assert VOICE.is_file(), "the adapter that ships is missing"
    other = tmp_path / "other.gguf"
    other.symlink_to(embedded_path())
    named = {
        "ours": LlamaSettings(),
        "none": LlamaSettings(adapter=""),
        "another's": LlamaSettings(path=str(other)),
    }
    models = {key: LlamaBackend(one, cache=tmp_path).model for key, one in named.items()}
    assert models["ours"].partition("+")[2].startswith("agent-small-")
    assert models["none"] == models["ours"].partition("+")[0]
    assert "+" not in models["another's"]


async def test_the_adapter_that_ships_speaks(shared: LlamaBackend) -> None:
    """It is on unless a request says otherwise, and it changes what is said."""
    greedy = Sampling(max_tokens=24, temperature=0.0)
    said = {}
    for adapter in (None, "", str(VOICE)):
        events = [e async for e in shared.generate(Request(HELLO, greedy, adapter=adapter))]
        said[adapter] = "".join(e.text for e in events if isinstance(e, Piece))
    assert said[None] == said[str(VOICE)] != said[""]


async def test_abilities_by_construction(shared: LlamaBackend) -> None:
    found = await shared.abilities()
    assert found == Abilities(
        sees=False,
        streams=True,
        grammar=True,
        adapters=True,
        logprobs=False,
        context=1024,
        weights=found.weights,
    )
    assert 134e6 < found.weights < 135e6


async def test_config_overrides_abilities(tmp_path: Path) -> None:
    said = AbilitySettings(sees=True, grammar=False, context=700)
    backend = LlamaBackend(LlamaSettings(context=512), abilities=said, cache=tmp_path)
    await backend.start()
    try:
        found = await backend.abilities()
    finally:
        await backend.close()
    assert (found.sees, found.grammar, found.context) == (True, False, 512)
    assert "config" in found.source


async def test_who_comes_before_the_model_is_loaded_waits_for_it(tmp_path: Path) -> None:
    backend = LlamaBackend(LlamaSettings(context=512), cache=tmp_path)
    starting = asyncio.create_task(backend.start())
    try:
        found, tokens = await asyncio.gather(backend.abilities(), backend.count(HELLO))
    finally:
        await starting
        await backend.close()
    assert found.context == 512
    assert tokens > 0
    with pytest.raises(BackendDown, match="closed"):
        await backend.count(HELLO)


async def test_a_missing_projector_is_found_without_loading(tmp_path: Path) -> None:
    backend = LlamaBackend(LlamaSettings(mmproj=str(tmp_path / "gone.gguf")), cache=tmp_path)
    with pytest.raises(BackendError, match="cannot be read") as caught:
        await backend.check()
    assert caught.value.where.endswith("gone.gguf")


async def test_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone.gguf"
    backend = LlamaBackend(LlamaSettings(path=str(path)), cache=tmp_path)
    with pytest.raises(BackendError) as caught:
        await backend.start()
    assert str(path) in str(caught.value)
    assert caught.value.mend
