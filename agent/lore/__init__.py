"""Lorebooks at work: which entries reach the prompt (Character Card V2 and V3)."""

from agent.lore.depth import depth, place
from agent.lore.select import constant, triggered

__all__ = ["constant", "depth", "place", "triggered"]
