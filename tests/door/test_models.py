"""`models list | show | get | use` as a person sees them."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent import models
from agent.errors import ConfigError
from agent.settings import AgentSettings, LlamaSettings
from door.models import models_group
from tests.agent.hub_server import MMPROJ, MODEL, ONE, Hub, serve


@dataclass
class House:
    agent: AgentSettings


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(AgentSettings(cache=tmp_path / "cache"))


def run(house: House, *words: str) -> Result:
    return CliRunner().invoke(models_group, list(words), obj=house)


def test_list_marks_the_one_in_use(house: House) -> None:
    lines = run(house, "list").output.splitlines()
    assert [line.split()[1:3] for line in lines if line.startswith("*")] == [
        ["embedded", "0.1"],
        ["+", "agent-small"],
    ]
    assert all(any(o.name in line for line in lines) for o in models.OFFERS)


def test_the_adapter_that_ships_is_listed_and_shown_off_where_it_is(house: House) -> None:
    bare = House(house.agent.model_copy(update={"llama": LlamaSettings(adapter="")}))
    (line,) = (line for line in run(bare, "list").output.splitlines() if "agent-small" in line)
    assert not line.startswith("*")
    assert "here" in line
    assert "agent-small.gguf" in run(house, "show", "embedded").output
    assert "none ([agent.llama] adapter)" in run(bare, "show", "embedded").output


def test_get_and_use(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "OFFERS", (ONE,))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with serve(Hub({f"{ONE.repo}/{ONE.file}": MODEL, f"{ONE.repo}/{ONE.mmproj}": MMPROJ})) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        got = run(house, "get", "tiny")
    assert got.exit_code == 0, got.output
    assert "verified" in got.output
    assert "uses tiny" in run(house, "use", "tiny").output
    (line,) = (line for line in run(house, "list").output.splitlines() if line.startswith("*"))
    assert "tiny" in line
    assert "tiny" in run(house, "show").output
    assert "uses embedded" in run(house, "use", "embedded").output
    assert models.read_current(models.folder(house.agent)) is None


def test_a_choice_without_effect_says_so(house: House) -> None:
    other = House(house.agent.model_copy(update={"llama": LlamaSettings(path="mine.gguf")}))
    assert "mine.gguf" in run(other, "use", "embedded").output
    remote = House(house.agent.model_copy(update={"backend": "openai"}))
    assert "openai" in run(remote, "list").output


def test_show_tells_licence_and_source(house: House) -> None:
    shown = run(house, "show", "gemma-3-4b").output
    for part in ("Gemma Terms", "gemma-3-4b-it-Q4_K_M.gguf", "mmproj-model-f16.gguf", "5.0 GB"):
        assert part in shown


def test_an_unknown_name_is_an_error_of_ours(house: House) -> None:
    for words in (("get", "nothing"), ("use", "nothing"), ("show", "nothing")):
        assert isinstance(run(house, *words).exception, ConfigError)


def test_embedded_needs_no_download(house: House) -> None:
    assert run(house, "get", "embedded").exit_code == 0
