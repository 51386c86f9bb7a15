"""Everybody who speaks in the corpus."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from agent.cast import load_character
from agent.character import Character
from pipeline.corpus.read import FOLDER

FOLDERS = (FOLDER.parents[1] / "characters", FOLDER / "characters")


@cache
def characters(folders: tuple[Path, ...] = FOLDERS) -> Mapping[str, Character]:
    """By id: the cast that ships, and the corpus's own. Raises CharacterError for a file that cannot be read."""
    found = (load_character(path) for folder in folders for path in sorted(folder.glob("*.toml")))
    return MappingProxyType({c.id: c for c in found})
