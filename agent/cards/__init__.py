"""Character cards V1, V2 and V3: PNG, JSON, CHARX and what else is found in the wild."""

from agent.cards.imported import Imported, ImportedBook
from agent.cards.read import read_card, read_lorebook, write_lorebook
from agent.cards.write import left_behind, write_card

__all__ = [
    "Imported",
    "ImportedBook",
    "left_behind",
    "read_card",
    "read_lorebook",
    "write_card",
    "write_lorebook",
]
