"""The gap before a session of Discord's gateway, in which people may have said what was not told to us."""

import asyncio


class Gap:
    """Open from a session's begin until what was missed before it has been read."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self._sessions = 0

    def opened(self) -> None:
        """A new session begins."""
        self._sessions += 1
        self.closed.clear()

    @property
    def session(self) -> int:
        """The number of the session that began last."""
        return self._sessions

    def close(self, session: int) -> None:
        """What was missed before that session is read; nothing is told of an older one."""
        if session == self._sessions:
            self.closed.set()
