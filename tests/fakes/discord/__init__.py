"""A loopback Discord: REST, gateway, CDN, webhooks and interactions on 127.0.0.1, with faults to order."""

import warnings

with warnings.catch_warnings():
    # discord.py imports audioop for voice, which Python 3.13 drops; tests turn warnings into errors.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    import discord  # noqa: F401

from tests.fakes.discord.server import LoopbackDiscord
from tests.fakes.discord.world import Bot, Seen

__all__ = ["Bot", "LoopbackDiscord", "Seen"]
