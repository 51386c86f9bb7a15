"""Whether what is served is what was trained: figures by hand, and the embedded model with an adapter for real."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from agent.backends.store import read_json, write_json
from agent.character import Character, Kind, Profile
from agent.dialogue import Dialogue, Scenario, Turn
from agent.engine.embedded import embedded_path
from agent.errors import DataError
from agent.prompt.ask import Ask
from pipeline.corpus.asks import PERSON
from pipeline.export import adapter
from pipeline.export import export as module
from pipeline.export.export import Wanted, chosen, export
from pipeline.export.likelihood import Told
from pipeline.export.parity import Bounds, parity
from pipeline.train import gguf
from pipeline.train.base import load
from pipeline.train.recipe import preset
from pipeline.train.rows import Row
from pipeline.train.samples import Sample

RANK = 8
# Two answers are a hundred tokens: the noise of the base's 4 bits does not average out as it does over a thousand. The
# wrong export measured gap .5, first .6, kept .2 elsewhere: these bounds stand between.
FEW = Bounds(drift=0.05, first=0.9, kept=0.3)


def told(*logs: float, first: int = 1) -> list[Told]:
    return [Told(np.array(logs), np.full(len(logs), first))]


def test_figures_by_hand() -> None:
    found = parity(told(-1.0, -2.0), told(-1.1, -1.8), told(-2.0, -2.0), told(-2.0, -2.0))
    assert found.gap == pytest.approx(0.15)
    assert found.drift == pytest.approx(0.05)
    assert found.first == 1.0
    assert found.kept == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("name", "value"),
    [("gap", 0.2), ("drift", -0.03), ("first", 0.9), ("kept", 0.8), ("kept", 1.2), ("gap", math.nan)],
)
def test_each_bound_is_held(name: str, value: float) -> None:
    good = parity(told(-1.0), told(-1.0), told(-2.0), told(-2.0))
    assert not good.faults(Bounds())
    worse = replace(good, **{name: value})  # type: ignore[arg-type]
    assert len(worse.faults(Bounds())) == 1


def test_answers_of_many_characters_are_compared() -> None:
    rows = [Row(f"{who}{n}", who, who, (1,) * n, (2,)) for who in "abc" for n in range(1, 5)]
    assert [row.id for row in chosen(rows, 4)] == ["a1", "b1", "c1", "a2"]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In one process torch's threads and llama.cpp's would wait for each other by spinning."""
    import torch

    monkeypatch.setattr("agent.engine.model.cores", lambda: 1)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter upon the embedded model that changes where it looks: in nothing but queries and keys, a good deal, so
    that the order of their rows is what decides."""
    import torch

    folder = tmp_path_factory.mktemp("trained")
    recipe = preset("default", base=embedded_path(), to=folder, rank=RANK, number="float32")
    model = load(recipe).model
    chance = torch.Generator().manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name and ("q_proj" in name or "k_proj" in name):
            torch.nn.init.normal_(weight, std=0.25, generator=chance)
    model.save_pretrained(str(folder / "adapter"), save_embedding_layers=False)
    return folder


@pytest.fixture(scope="module")
def samples() -> Any:
    """Two answers, after prompts as short as they get."""
    made = []
    for who, thing in (("ada", "window sill"), ("bruno", "harbour wall")):
        profile = Profile(f"{who.title()} is calm and likes tea.")
        said = Turn("1", PERSON, f"What is that on the {thing}?")
        answer = (
            f"A cup, left on the {thing} by somebody who was called away in a hurry. The tea in it is cold by now, and "
            "nobody will drink it; I would make a fresh one, and wait for whoever comes back to ask after it."
        )
        me = Character(who, who.title(), "a play", Kind.FICTIONAL, profile)
        made.append(Sample(who, Ask(me, Dialogue(who, Scenario.HUMAN_ROLE, (said,))), answer))
    return made


@pytest.mark.model
@pytest.mark.slow
def test_llama_says_what_transformers_says_and_a_wrong_export_is_caught(
    trained: Path, samples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Wanted(trained, embedded_path(), tmp_path / "a.gguf", answers=2, bounds=FEW)
    by_transformers: list[Any] = []
    whole = module._by_transformers

    def once(*given: Any) -> Any:
        """It says the same both times, and is slow."""
        if not by_transformers:
            by_transformers.append(whole(*given))
        return by_transformers[0]

    monkeypatch.setattr(module, "_by_transformers", once)
    found = export(wanted, samples)
    assert found["faults"] == []
    assert found["parity"]["answers"] == 2
    assert found["bytes"] < 6_000_000
    assert read_json(tmp_path / "a.gguf.json") == found
    assert sorted(p.name for p in tmp_path.glob("*.gguf*")) == ["a.gguf", "a.gguf.json"]
    # The rows of a head in transformers' order, which is not llama.cpp's.
    monkeypatch.setattr(gguf, "permuted", lambda weight, heads: weight)
    found = export(wanted, samples)
    assert "of what was learnt arrives" in " ".join(found["faults"])
    assert sorted(p.name for p in tmp_path.glob("*.gguf*")) == ["a.gguf.json", "a.gguf.unfit"]


def spoiled(trained: Path, folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    (folder / adapter.WEIGHTS).write_bytes((trained / "adapter" / adapter.WEIGHTS).read_bytes())
    write_json(
        folder / adapter.CONFIG, {**(read_json(trained / "adapter" / adapter.CONFIG) or {}), **changes}
    )
    return folder


@pytest.mark.model
@pytest.mark.parametrize(
    "change", [{"use_dora": True}, {"use_rslora": True}, {"bias": "all"}, {"peft_type": "IA3"}]
)
def test_what_gguf_cannot_say_is_refused(trained: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="no plain LoRA"):
        adapter.write(spoiled(trained, tmp_path / "odd", **change), embedded_path(), tmp_path / "a.gguf")
    assert not (tmp_path / "a.gguf").exists()


@pytest.mark.model
def test_an_adapter_of_another_base_is_refused(trained: Path, samples: Any, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = spoiled(trained, tmp_path / "other")
    weights = load_file(folder / adapter.WEIGHTS)
    name = next(name for name in weights if "q_proj.lora_A" in name)
    save_file({**weights, name: weights[name][:, :64].copy()}, folder / adapter.WEIGHTS)
    with pytest.raises(DataError, match="another shape"):
        adapter.write(folder, embedded_path(), tmp_path / "a.gguf")
    save_file({"base_model.model.strange.lora_A.weight": weights[name]}, folder / adapter.WEIGHTS)
    with pytest.raises(DataError, match="strange"):
        adapter.write(folder, embedded_path(), tmp_path / "a.gguf")
    whole = tmp_path / "whole"
    write_json(whole / "report.json", {"base": {"name": "other.gguf", "sha256": "0"}})
    with pytest.raises(DataError, match=r"trained upon other\.gguf"):
        export(Wanted(whole, embedded_path(), tmp_path / "a.gguf"), samples)


@pytest.mark.model
def test_a_folder_without_an_adapter_is_named(samples: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no adapter"):
        export(Wanted(tmp_path, embedded_path(), tmp_path / "a.gguf"), samples)


@pytest.mark.parametrize(("faults", "status"), [([], 0), (["85.0% of what was learnt arrives"], 1)])
def test_the_command_ends_with_1_where_it_is_unfit(
    faults: list[str], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from door import pipeline as door
    from door.settings import load as loaded

    figures = {"answers": 1, "tokens": 9, "gap": 0.1, "drift": 0.0, "first": 1.0, "kept": 0.85}
    monkeypatch.setattr(module, "export", lambda *_: {"parity": figures, "faults": faults, "bytes": 5})
    done = CliRunner().invoke(
        door.pipeline,
        ["export", str(tmp_path), "--to", str(tmp_path / "a.gguf")],
        obj=loaded(tmp_path / "none.toml"),
    )
    assert done.exit_code == status, done.output
    assert ("unfit" in done.output) == bool(faults)
