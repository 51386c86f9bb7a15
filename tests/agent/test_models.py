"""Getting models from a hub on loopback, keeping them sound, and choosing one."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent import hub, models
from agent.backends.llama import LlamaBackend
from agent.backends.registry import chosen, make_backend
from agent.errors import BackendDown, BackendError, ConfigError
from agent.settings import AgentSettings, LlamaSettings, Secrets
from tests.agent.hub_server import COMMIT, MMPROJ, MODEL, ONE, Hub


def test_get_downloads_verifies_and_records(shop: Hub, tmp_path: Path) -> None:
    place = models.get(tmp_path, "tiny")
    assert (place / ONE.file).read_bytes() == MODEL
    assert (place / ONE.mmproj).read_bytes() == MMPROJ
    manifest = json.loads((place / "manifest.json").read_text())
    assert manifest["repo"] == ONE.repo
    assert manifest["files"][ONE.file] == {
        "commit": COMMIT,
        "size": len(MODEL),
        "sha256": hashlib.sha256(MODEL).hexdigest(),
    }
    assert not list(place.glob("*.part"))


def test_a_cut_download_resumes_where_it_was_cut(shop: Hub, tmp_path: Path) -> None:
    shop.cut_at = 21_000_000
    with pytest.raises(BackendDown) as caught:
        models.get(tmp_path, "tiny")
    assert "kept" in caught.value.mend
    (part,) = (tmp_path / "tiny").glob("*.part")
    arrived = part.stat().st_size
    assert 0 < arrived <= 21_000_000  # huggingface_hub writes by ten megabytes
    shop.cut_at, shop.down = 0, False
    shop.ranges.clear()
    place = models.get(tmp_path, "tiny")
    assert shop.ranges == [f"bytes={arrived}-"]
    assert (place / ONE.file).read_bytes() == MODEL


def test_a_wrong_checksum_is_thrown_away(shop: Hub, tmp_path: Path) -> None:
    shop.lie = True
    with pytest.raises(BackendError, match="checksum"):
        models.get(tmp_path, "tiny")
    assert not list((tmp_path / "tiny").glob("*gguf*"))
    shop.lie = False
    models.get(tmp_path, "tiny")


def test_a_second_get_fetches_nothing(shop: Hub, tmp_path: Path) -> None:
    place = models.get(tmp_path, "tiny")
    before = (place / ONE.file).stat().st_mtime_ns
    models.get(tmp_path, "tiny")
    assert (place / ONE.file).stat().st_mtime_ns == before


def test_a_damaged_file_is_fetched_anew(shop: Hub, tmp_path: Path) -> None:
    place = models.get(tmp_path, "tiny")
    (place / ONE.file).write_bytes(MODEL[:-1] + b"X")
    with pytest.raises(BackendError, match="changed"):
        models.use(tmp_path, "tiny")
    models.get(tmp_path, "tiny")
    assert models.use(tmp_path, "tiny")


def test_offline_says_so_and_how_to_do_by_hand(
    shop: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(BackendDown, match="cannot be reached") as caught:
        models.get(tmp_path, "tiny")
    assert caught.value.where == "http://127.0.0.1:9/some/tiny-GGUF/resolve/main/tiny.gguf"
    for needed in ("mmproj.gguf", str(tmp_path / "tiny"), "models use tiny"):
        assert needed in caught.value.mend


def test_files_placed_by_hand_can_be_used(shop: Hub, tmp_path: Path) -> None:
    place = tmp_path / "tiny"
    place.mkdir()
    (place / ONE.file).write_bytes(MODEL)
    with pytest.raises(BackendError, match="not here"):
        models.use(tmp_path, "tiny")
    (place / ONE.mmproj).write_bytes(MMPROJ)
    current = models.use(tmp_path, "tiny")
    assert current == models.Current("tiny", str(place / ONE.file), str(place / ONE.mmproj))


def test_a_page_saved_instead_of_the_file_is_noticed(shop: Hub, tmp_path: Path) -> None:
    place = tmp_path / "tiny"
    place.mkdir()
    (place / ONE.file).write_bytes(b"<!doctype html>" * 9)
    (place / ONE.mmproj).write_bytes(MMPROJ)
    with pytest.raises(BackendError, match="not a GGUF"):
        models.use(tmp_path, "tiny")


def test_a_missing_file_is_refused_by_the_hub(shop: Hub, tmp_path: Path) -> None:
    shop.files.pop(f"{ONE.repo}/{ONE.mmproj}")
    with pytest.raises(BackendError, match="404") as caught:
        models.get(tmp_path, "tiny")
    assert not isinstance(caught.value, BackendDown)


def test_a_full_disk_is_told_before_it_is_full(
    shop: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = hub.SPARE + len(MODEL)  # enough for the model, not for both files
    full = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=free))
    monkeypatch.setattr(hub, "shutil", full)  # the disk's own figure moves with every other writer
    with pytest.raises(BackendError, match="free"):
        models.get(tmp_path, "tiny")
    assert not list((tmp_path / "tiny").iterdir())


def test_unknown_names_are_answered_with_the_known() -> None:
    with pytest.raises(ConfigError) as caught:
        models.offer("gpt-5")
    assert "smolvlm-500m" in caught.value.mend
    assert models.EMBEDDED in caught.value.mend


def test_the_choice_takes_effect(shop: Hub, tmp_path: Path) -> None:
    settings = AgentSettings(cache=tmp_path / "cache")
    place = models.folder(settings)
    assert chosen(settings).path == ""
    models.get(place, "tiny")
    models.use(place, "tiny")
    assert (chosen(settings).path, chosen(settings).mmproj) == (
        str(place / "tiny" / ONE.file),
        str(place / "tiny" / ONE.mmproj),
    )
    backend = make_backend(settings, Secrets()).backend
    assert isinstance(backend, LlamaBackend)
    assert backend.model.startswith("tiny-")
    models.use(place, models.EMBEDDED)
    assert chosen(settings).path == ""


def test_config_goes_before_the_choice(shop: Hub, tmp_path: Path) -> None:
    settings = AgentSettings(cache=tmp_path / "cache", llama=LlamaSettings(path="mine.gguf"))
    models.set_current(models.folder(settings), models.Current("tiny", "/other.gguf"))
    assert chosen(settings).path == "mine.gguf"


async def test_a_model_changed_since_its_download_does_not_start(shop: Hub, tmp_path: Path) -> None:
    settings = AgentSettings(cache=tmp_path / "cache")
    place = models.get(models.folder(settings), "tiny")
    models.use(models.folder(settings), "tiny")
    (place / ONE.mmproj).write_bytes(MMPROJ + b"!")
    with pytest.raises(BackendError, match="changed"):
        await make_backend(settings, Secrets()).start()


@pytest.mark.parametrize("junk", ["", "[]", "3", '{"name": 1}', "{"])
def test_a_damaged_pointer_is_named(tmp_path: Path, junk: str) -> None:
    (tmp_path / "current.json").write_text(junk)
    with pytest.raises(ConfigError, match="pointer"):
        models.read_current(tmp_path)


def test_offers_are_distinct_and_complete() -> None:
    assert len({o.name for o in models.OFFERS}) == len(models.OFFERS) >= 5
    for one in models.OFFERS:
        assert one.file.endswith(".gguf")
        assert "mmproj" in one.mmproj
        assert one.memory > one.size > 0
        assert one.licence
