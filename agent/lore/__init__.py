"""Lorebooks at work: which entries reach the prompt (Character Card V2 and V3)."""

from agent.lore.select import constant, number, triggered

__all__ = ["constant", "number", "triggered"]
