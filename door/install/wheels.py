"""Wheels of llama-cpp-python that were built on this machine, one folder a way of building.

pip keeps a wheel by name and version alone, so that one built with other flags, or on another CPU, comes back
without a word. Here the key holds all that decides what is compiled; a failed self-test is remembered beside it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.engine.cpu import Cpu
from door.install.recipes import CMAKE, Recipe

# What CMake, scikit-build-core and the compiler read from the environment.
HEEDED = ("CMAKE_ARGS", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "CC", "CXX", "CUDACXX", "CUDAFLAGS")


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Outside the checkout: `$XDG_CACHE_HOME/vignette/wheels`, by default under ~/.cache."""
    base = environment.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "vignette" / "wheels"


@dataclass(frozen=True)
class Kept:
    """The folder of one way to build one version on one kind of CPU."""

    folder: Path
    about: dict[str, str]

    @property
    def wheel(self) -> Path | None:
        found = sorted(self.folder.glob("*.whl"))
        return found[0] if found else None

    @property
    def failed(self) -> str:
        """Why its self-test failed here, empty where it did not."""
        try:
            return (self.folder / "failed.txt").read_text().strip()
        except OSError:
            return ""

    def keep(self, wheel: Path) -> Path:
        """Moves a fresh wheel in, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.folder / f"{wheel.name}.{os.getpid()}.part"
        shutil.move(wheel, part)
        (self.folder / "about.json").write_text(json.dumps(self.about, indent=1) + "\n")
        part.replace(kept := self.folder / wheel.name)
        return kept

    def condemn(self, reason: str) -> None:
        """The wheel goes, the reason stays: the next install does not build it again in vain."""
        for wheel in self.folder.glob("*.whl"):
            wheel.unlink()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "failed.txt").write_text(reason + "\n")


def kept(version: str, recipe: Recipe, cpu: Cpu, environment: Mapping[str, str] = os.environ) -> Kept:
    """Where such a wheel lies, whether or not there is one."""
    about = {
        "version": version,
        "recipe": recipe.name,
        "defines": " ".join(recipe.defines),
        "cmake": hashlib.sha256(CMAKE.read_bytes()).hexdigest()[:16],
        "cpu": cpu.key,
        **{name: environment[name] for name in HEEDED if environment.get(name)},
    }
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    return Kept(cache_folder(environment) / f"llama_cpp_python-{version}-{recipe.name}-{key}", about)
