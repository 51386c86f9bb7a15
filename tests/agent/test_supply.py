"""A model is fetched from a hub on loopback and put in the place of the one that speaks, without a restart."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent import hub, models
from agent.backends.base import Backend
from agent.errors import BackendError, Busy, ConfigError
from agent.queue import Queue
from agent.settings import AgentSettings, LlamaSettings
from agent.supply import Progress, Stage, Supply
from tests.agent.hub_server import MMPROJ, MODEL, ONE, Hub
from tests.fakes.stage import ScriptedBackend
from tests.waiting import eventually

WHOLE = len(MODEL) + len(MMPROJ)


class Named(ScriptedBackend):
    def __init__(self, model: str, *, sees: bool = True) -> None:
        super().__init__(sees=sees)
        self.model = model
        self.ended = False

    async def close(self) -> None:
        self.ended = True


class Broken(Named):
    async def start(self) -> None:
        raise BackendError("it does not load", mend="take another")


class Bench:
    """A blind model speaks; `make` may be set to what the next one is."""

    def __init__(self, folder: Path) -> None:
        self.settings = AgentSettings(cache=folder / "cache")
        self.blind = Named("blind", sees=False)
        self.queue = Queue(self.blind, waiting=4, parallel=1)
        self.make: Callable[[], Backend] = lambda: Named("seeing")
        self.supply = Supply(self.settings, self.queue, lambda: self.make())
        self.folder = models.folder(self.settings)

    async def bring(self) -> Progress:
        self.supply.begin("tiny")
        return await self.supply.settled()


@pytest.fixture
async def bench(shop: Hub, tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    yield made
    await made.supply.close()


async def test_a_model_comes_and_speaks_without_a_restart(bench: Bench) -> None:
    assert bench.supply.progress() == Progress()
    assert await bench.bring() == Progress(Stage.DONE, "tiny", WHOLE, WHOLE)
    assert bench.queue.model == "seeing"
    assert bench.blind.ended
    current = models.read_current(bench.folder)
    assert current is not None
    assert current.name == "tiny", "the next start has it too"


async def test_progress_is_told_and_a_cut_download_goes_on(bench: Bench, shop: Hub) -> None:
    shop.cut_at = 21_000_000
    assert (await bench.bring()).stage is Stage.FAILED
    assert bench.queue.model == "blind"
    kept = models.arrived(bench.folder, ONE)
    assert 0 < kept < WHOLE
    shop.cut_at, shop.down = 0, False
    shop.ranges.clear()
    seen: list[Progress] = []
    bench.make = lambda: seen.append(bench.supply.progress()) or Named("seeing")  # type: ignore[func-returns-value]
    assert (await bench.bring()).stage is Stage.DONE
    assert shop.ranges == [f"bytes={kept}-"]
    assert seen == [Progress(Stage.LOADING, "tiny", WHOLE, WHOLE)]


async def test_what_has_arrived_counts_while_it_grows(bench: Bench, shop: Hub) -> None:
    shop.cut_at = 21_000_000
    await bench.bring()
    shop.down = True
    bench.supply.begin("tiny")
    now = bench.supply.progress()
    assert (now.stage, now.arrived) == (Stage.FETCHING, models.arrived(bench.folder, ONE))
    with pytest.raises(Busy, match="on its way"):
        bench.supply.begin("tiny")
    await eventually(lambda: bench.supply.progress().stage is Stage.FAILED)


async def test_a_wrong_checksum_changes_nothing(bench: Bench, shop: Hub) -> None:
    shop.lie = True
    told = await bench.bring()
    assert (told.stage, bench.queue.model) == (Stage.FAILED, "blind")
    assert "checksum is wrong" in told.error
    assert models.read_current(bench.folder) is None


async def test_a_full_disk_changes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    full: Any = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=hub.SPARE + len(MODEL)))
    monkeypatch.setattr(hub, "shutil", full)  # the disk's own figure moves with every other writer
    told = await bench.bring()
    assert (told.stage, bench.queue.model) == (Stage.FAILED, "blind")
    assert "GB are needed" in told.error
    assert "make room" in told.error


@pytest.mark.parametrize("made", [Broken("broken"), Named("blind too", sees=False)], ids=["broken", "blind"])
async def test_a_model_that_will_not_do_leaves_the_former(bench: Bench, made: Named) -> None:
    bench.make = lambda: made
    assert (await bench.bring()).stage is Stage.FAILED
    assert bench.queue.model == "blind"
    assert made.ended
    assert not bench.blind.ended
    assert models.read_current(bench.folder) is None, "nor does the next start have it"


async def test_where_the_settings_name_a_model_it_is_not_changed(tmp_path: Path) -> None:
    for settings in (AgentSettings(backend="openai"), AgentSettings(llama=LlamaSettings(path="mine.gguf"))):
        supply = Supply(settings, Queue(Named("mine"), waiting=1, parallel=1), lambda: Named("other"))
        assert supply.obstacle()
        with pytest.raises(ConfigError, match="cannot be changed here"):
            supply.begin(models.OFFERS[0].name)
        assert supply.progress().stage is Stage.IDLE
