"""Models one can have: the embedded default, a short list of vision models, and which of them is in use.

Downloads live in `data/models/NAME/` with a `manifest.json` that records repository, commit, sizes and
SHA-256; each load verifies them again. The one in use is named in `data/models/current.json`: it counts
where [agent.llama] names no path of its own.
"""

import contextlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from agent import hub
from agent.engine.gguf import check_header, digest
from agent.errors import BackendDown, BackendError, ConfigError
from agent.settings import AgentSettings

log = logging.getLogger(__name__)
EMBEDDED = "embedded"


@dataclass(frozen=True)
class Offer:
    """A model that can be had. `size` and `memory` in gigabytes, rounded up: what it takes on the disk, and
    in memory with a context of 4,096 tokens. `revision` is a branch; its commit is recorded at each fetch.
    """

    name: str
    title: str
    repo: str
    file: str
    mmproj: str
    size: float
    memory: float
    licence: str
    revision: str = "main"


OFFERS = (
    Offer(
        "smolvlm-500m",
        "SmolVLM 500M Instruct: the smallest that sees; runs anywhere, says little",
        "ggml-org/SmolVLM-500M-Instruct-GGUF",
        "SmolVLM-500M-Instruct-Q8_0.gguf",
        "mmproj-SmolVLM-500M-Instruct-Q8_0.gguf",
        size=0.6,
        memory=1.2,
        licence="Apache-2.0",
    ),
    Offer(
        "smolvlm2-2.2b",
        "SmolVLM2 2.2B Instruct: sees well for its size; English",
        "ggml-org/SmolVLM2-2.2B-Instruct-GGUF",
        "SmolVLM2-2.2B-Instruct-Q4_K_M.gguf",
        "mmproj-SmolVLM2-2.2B-Instruct-Q8_0.gguf",
        size=1.8,
        memory=3.5,
        licence="Apache-2.0",
    ),
    Offer(
        "qwen3-vl-4b",
        "Qwen3-VL 4B Instruct: a good first choice; many languages",
        "Qwen/Qwen3-VL-4B-Instruct-GGUF",
        "Qwen3VL-4B-Instruct-Q4_K_M.gguf",
        "mmproj-Qwen3VL-4B-Instruct-Q8_0.gguf",
        size=3.0,
        memory=4.5,
        licence="Apache-2.0",
    ),
    Offer(
        "gemma-3-4b",
        "Gemma 3 4B instruction-tuned: lively prose, many languages",
        "ggml-org/gemma-3-4b-it-GGUF",
        "gemma-3-4b-it-Q4_K_M.gguf",
        "mmproj-model-f16.gguf",
        size=3.4,
        memory=5.0,
        licence="Gemma Terms of Use",
    ),
    Offer(
        "qwen2.5-vl-3b",
        "Qwen2.5-VL 3B Instruct: reads text in pictures; many languages",
        "ggml-org/Qwen2.5-VL-3B-Instruct-GGUF",
        "Qwen2.5-VL-3B-Instruct-Q4_K_M.gguf",
        "mmproj-Qwen2.5-VL-3B-Instruct-Q8_0.gguf",
        size=2.8,
        memory=4.0,
        licence="Qwen Research License (no commercial use)",
    ),
    Offer(
        "qwen2.5-vl-7b",
        "Qwen2.5-VL 7B Instruct: the strongest here; wants a GPU or patience",
        "ggml-org/Qwen2.5-VL-7B-Instruct-GGUF",
        "Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf",
        "mmproj-Qwen2.5-VL-7B-Instruct-Q8_0.gguf",
        size=5.6,
        memory=7.5,
        licence="Apache-2.0",
    ),
)


@dataclass(frozen=True)
class Current:
    """The model in use: absolute paths of its files; `mmproj` is empty for a blind one."""

    name: str
    path: str
    mmproj: str = ""


def folder(settings: AgentSettings) -> Path:
    """Where models live: `models` beside the cache folder, `data/models` unless set otherwise."""
    return settings.cache.parent / "models"


def offer(name: str) -> Offer:
    """Raises ConfigError naming what there is."""
    for one in OFFERS:
        if one.name == name:
            return one
    known = ", ".join([EMBEDDED, *(o.name for o in OFFERS)])
    raise ConfigError(f"there is no model called {name!r}", mend=f"choose one of: {known}")


def is_here(models: Path, one: Offer) -> bool:
    """Both files are in place (not: unharmed; `verify` says that)."""
    return all((models / one.name / file).is_file() for file in (one.file, one.mmproj))


def arrived(models: Path, one: Offer) -> int:
    """Bytes of it on the disk, those that still grow included."""
    place, total = models / one.name, 0
    for file in (one.file, one.mmproj):
        for path in (place / file, *place.glob(f"{file}.*.part")):
            with contextlib.suppress(FileNotFoundError):  # it was complete, and renamed, just now
                total += path.stat().st_size
    return total


def get(models: Path, name: str, *, sized: Callable[[int], None] | None = None) -> Path:
    """Downloads a model, or the rest of it; returns its folder. Blocking, for minutes. `sized` is told how many
    bytes it has in all, once the hub has said so.

    Raises BackendDown when the hub cannot be reached, BackendError for a full disk or a wrong checksum.
    """
    one = offer(name)
    place = models / one.name
    try:
        remotes = [hub.look_up(one.repo, file, one.revision) for file in (one.file, one.mmproj)]
        if sized:
            sized(sum(r.size for r in remotes))
        hub.check_room(place, sum(hub.missing(place, r) for r in remotes))
        kept = _manifest(place)
        for remote in remotes:
            kept[remote.file] = _fetch(place, remote, kept.get(remote.file, {}))
            _write(place / "manifest.json", {"repo": one.repo, "files": kept})
    except BackendDown as error:
        raise BackendDown(error.what, where=error.where, mend=_by_hand(one, place)) from error
    return place


def _fetch(place: Path, remote: hub.Remote, known: dict[str, object]) -> dict[str, object]:
    """Fetches one file unless the very same is there already."""
    path = place / remote.file
    if path.exists():
        sound = remote.sha256 or known.get("sha256")
        if path.stat().st_size == remote.size and sound in (None, digest(path, place)):
            return {"commit": remote.commit, "size": remote.size, "sha256": digest(path, place)}
        log.warning("%s is not what the hub has: fetching it anew", path)
        path.unlink()
    return {"commit": remote.commit, "size": remote.size, "sha256": hub.fetch(place, remote)}


def _by_hand(one: Offer, place: Path) -> str:
    files = " and ".join(hub.address(one.repo, f, one.revision) for f in (one.file, one.mmproj))
    return (
        f"when you are online again, run `models get {one.name}`: what has arrived is kept. Or fetch {files} "
        f"on another machine, put both into {place.absolute()} and run `models use {one.name}`"
    )


def use(models: Path, name: str) -> Current | None:
    """Makes a model the one in use; None for the embedded one. Raises BackendError where it is not here or
    is damaged."""
    if name == EMBEDDED:
        set_current(models, None)
        return None
    one = offer(name)
    place = models / one.name
    if not is_here(models, one):
        raise BackendError("this model is not here yet", where=str(place), mend=f"run `models get {name}`")
    for file in (one.file, one.mmproj):
        check_header(place / file)
        verify(place / file, digest(place / file, place))
    path, mmproj = ((place / file).resolve() for file in (one.file, one.mmproj))
    current = Current(one.name, str(path), str(mmproj))
    set_current(models, current)
    return current


def verify(path: Path, found: str) -> None:
    """Compares a file's SHA-256 with the manifest beside it, where there is one. Raises BackendError."""
    known = _manifest(path.parent).get(path.name, {}).get("sha256")
    if known and found != known:
        raise BackendError(
            "the file has changed since it was downloaded",
            where=str(path),
            mend=f"run `models get {path.parent.name}` to fetch it anew",
        )


def read_current(models: Path) -> Current | None:
    """The model in use, None for the embedded one. Raises ConfigError where the pointer is damaged."""
    pointer = models / "current.json"
    try:
        said = json.loads(pointer.read_text())
        return Current(name=str(said["name"]), path=str(said["path"]), mmproj=str(said.get("mmproj", "")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"the pointer to the model in use cannot be read ({error})",
            where=str(pointer),
            mend=f"run `models use NAME`, or `models use {EMBEDDED}`",
        ) from error


def set_current(models: Path, current: Current | None) -> None:
    """Moves the pointer; None points to the embedded model. A running bot takes it up at its next start."""
    if current is None:
        (models / "current.json").unlink(missing_ok=True)
    else:
        _write(models / "current.json", asdict(current))


def _manifest(place: Path) -> dict[str, dict[str, object]]:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        files = json.loads((place / "manifest.json").read_text())["files"]
        return {str(k): dict(v) for k, v in files.items()}
    return {}


def _write(path: Path, what: dict[str, object]) -> None:
    """All or nothing, also when the machine stops in the middle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with part.open("w") as file:
        json.dump(what, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
