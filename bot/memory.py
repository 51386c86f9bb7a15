"""What platforms keep across restarts (webhooks, which commands are registered): a few strings in the journal."""

from journal import memory, turns
from journal.journal import Journal


class Memory:
    """Implements bot.platforms.discord's Memory and Known."""

    def __init__(self, journal: Journal, platform: str) -> None:
        self._journal, self._platform = journal, platform

    async def get(self, key: str) -> str:
        async with self._journal.read() as tx:
            return await memory.get(tx, key)

    async def set(self, key: str, value: str) -> None:
        async with self._journal.write() as tx:
            await memory.put(tx, key, value)

    async def known(self, message_id: str) -> bool:
        """Whether the journal has this message of the platform."""
        async with self._journal.read() as tx:
            return await turns.by_message(tx, self._platform, message_id) is not None
