"""A loopback Discord: REST, gateway, CDN, webhooks and interactions on 127.0.0.1, with faults to order."""

from tests.fakes.discord.server import LoopbackDiscord
from tests.fakes.discord.world import Bot, Seen

__all__ = ["Bot", "LoopbackDiscord", "Seen"]
