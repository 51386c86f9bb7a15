"""Where the log goes: standard error, quiet unless asked."""

import logging
import sys

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)
_CHATTY = (
    "aiosqlite",
    "discord",
    "openai",
    "httpx",
    "httpcore",
    "PIL",
    "alembic",
    "apscheduler",
    "asyncio",
    "aiohttp.access",
)


def set_up(verbose: int) -> None:
    """One handler on standard error. Libraries speak a step more softly than we do."""
    level = LEVELS[min(verbose, 2)]
    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, level) if verbose < 2 else logging.INFO)
