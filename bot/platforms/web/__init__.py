"""The web page."""

from bot.platforms.web.platform import WebPlatform

__all__ = ["WebPlatform"]
