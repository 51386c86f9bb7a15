"""A model's folder in Hugging Face's layout: is it sound, what is it called, does it have eyes.

Read without torch, so that a wrong path is told at once.
"""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from agent.backends.store import read_json, write_json
from agent.errors import BackendDown

log = logging.getLogger(__name__)
WHERE = "agent.transformers"
TELLING = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")  # what can change a reply


def check(folder: Path, *, adapter: bool = False) -> dict[str, Any]:
    """The folder's configuration. Raises BackendDown where it is not a model (or adapter) that may be loaded."""
    name = "adapter_config.json" if adapter else "config.json"
    kind = "adapter" if adapter else "path"
    try:
        config = json.loads((folder / name).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BackendDown(
            f"{folder} holds no readable {name}: {error}",
            where=f"{WHERE}.{kind}",
            mend="give a folder in Hugging Face's layout (save_pretrained, or a downloaded snapshot)",
        ) from None
    if not isinstance(config, dict):
        raise BackendDown(f"{folder / name} is no object", where=f"{WHERE}.{kind}", mend="download it again")
    if not any(folder.glob("*.safetensors")):
        raise BackendDown(
            f"{folder} holds no *.safetensors file",  # other weight files are pickles, which can run code
            where=f"{WHERE}.{kind}",
            mend="save the weights again with save_pretrained(..., safe_serialization=True)",
        )
    return config


def has_eyes(config: dict[str, Any]) -> bool:
    """Whether the architecture takes pictures. Whether the model reads them is for the probe to find."""
    return isinstance(config.get("vision_config"), dict)


def name(folder: Path, cache: Path) -> str:
    """The folder's name and 12 hex digits over configuration, tokenizer and weights. Blocking: reads all of
    it the first time, then remembers digests by size and time of change."""
    folder = folder.expanduser().resolve()
    files = sorted({f for pattern in TELLING for f in folder.glob(pattern) if f.is_file()})
    kept = _kept(cache)
    fresh = {key: kept.get(key) or _digest(file) for file in files for key in [_key(file)]}
    if set(fresh) - set(kept):
        try:
            write_json(cache / "digests.json", {**kept, **fresh})
        except OSError as error:
            log.warning("digests of model files were not kept: %s", error)
    total = "\n".join(f"{f.name} {fresh[_key(f)]}" for f in files)
    return f"{folder.name}-{hashlib.sha256(total.encode()).hexdigest()[:12]}"


def _kept(cache: Path) -> dict[str, Any]:
    try:
        return read_json(cache / "digests.json") or {}
    except (OSError, ValueError):
        return {}


def _key(file: Path) -> str:
    stat = file.stat()
    return f"{file}:{stat.st_size}:{stat.st_mtime_ns}"


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
