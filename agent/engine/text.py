"""From bytes of tokens to text that may be shown: whole characters only, and never part of a stop string."""

import codecs
from collections.abc import Sequence


class TextGate:
    """Feeds on the bytes of tokens, gives the text that is safe to show.

    A character cut by a token border waits for its rest. A tail that may yet become a stop string waits for
    the next token. Once a stop string is complete `stopped` is True: it, and all after it, is swallowed. Of
    several the one that is complete first counts, of those complete at the same character the longest: so
    what is shown never depends on where the tokens end.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = tuple(s for s in stops if s)
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._held = ""
        self.stopped = False

    def feed(self, data: bytes) -> str:
        """The text that can be shown now; may be empty."""
        if self.stopped:
            return ""
        self._held += self._decode.decode(data)
        return self._release()

    def end(self, *, cut: bool = False) -> str:
        """The text held back, once no token follows. Bytes of an unfinished character are dropped; so is what
        may have become a stop string, where the reply was cut by its limit.
        """
        if self.stopped or cut:
            return ""
        text, self._held = self._held, ""
        return text

    def _release(self) -> str:
        found = [(at + len(s), at) for s in self._stops if (at := self._held.find(s)) >= 0]
        if found:
            _, begins = min(found)
            text, self._held, self.stopped = self._held[:begins], "", True
            return text
        keep = self._tail()
        cut = len(self._held) - keep
        text, self._held = self._held[:cut], self._held[cut:]
        return text

    def _tail(self) -> int:
        """Length of the longest end of the held text that begins some stop string."""
        longest = 0
        for stop in self._stops:
            for size in range(min(len(stop) - 1, len(self._held)), longest, -1):
                if self._held.endswith(stop[:size]):
                    longest = size
                    break
        return longest
