"""The cast: characters in files, read strictly, written so that they are pleasant to edit by hand."""

from agent.cast.cast import Cast, load_character
from agent.cast.names import fold, is_id, slug
from agent.cast.read import read_toml
from agent.cast.write import dump_toml

__all__ = ["Cast", "dump_toml", "fold", "is_id", "load_character", "read_toml", "slug"]
