"""Which llama.cpp crashed at once on which CPU with which model: kept, so that nobody has to crash it again."""

import hashlib
import importlib.metadata
import importlib.util
import json
import logging
from pathlib import Path

from agent.engine.cpu import this_cpu
from agent.engine.gguf import remember

log = logging.getLogger(__name__)
CURE = (
    "build llama.cpp for this CPU: `make clean run` (the install tries it before it is used), "
    "or update your own llama-cpp-python"
)


class Safety:
    """One model's entry in `crashes.json` under `cache`. Reading and writing block for a moment."""

    def __init__(self, cache: Path, model: str) -> None:
        self._book = cache / "crashes.json"
        self._key = hashlib.sha256(f"{_library()}|{this_cpu().key}|{model}".encode()).hexdigest()[:16]

    @property
    def cause(self) -> str:
        """How it ended (`signal 11`), empty where nothing is known against it."""
        return self._entries().get(self._key, "")

    def remember(self, cause: str) -> None:
        """Called once the same model answered with safe settings, and so the settings were to blame."""
        remember(self._book, {**self._entries(), self._key: cause})

    def _entries(self) -> dict[str, str]:
        try:
            known = json.loads(self._book.read_text())
        except (OSError, ValueError):
            return {}
        return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}


def _library() -> str:
    """The release, and the very file: a wheel built anew has the same release number."""
    found = importlib.util.find_spec("llama_cpp")
    stamps = []
    for folder in (found.submodule_search_locations or ()) if found else ():
        for file in sorted(Path(folder, "lib").glob("*ggml-cpu*")):
            state = file.stat()
            stamps.append(f"{file.name} {state.st_size} {state.st_mtime_ns}")
    try:
        release = importlib.metadata.version("llama-cpp-python")
    except importlib.metadata.PackageNotFoundError:
        release = "none"
    return " ".join((release, *stamps))
