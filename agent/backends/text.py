"""What stands between a model's raw text and the reply: thinking is taken out, stop strings end it,
halves of characters wait for each other. All of it works on a stream, piece by piece.
"""

from collections.abc import Sequence

# How models mark their thinking: Qwen, DeepSeek, GLM; Magistral; Seed-OSS; Kimi-VL; and what fine-tunes make of them.
THINKING = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "[THINK]": "[/THINK]",
    "<seed:think>": "</seed:think>",
    "◁think▷": "◁/think▷",
}


def held(text: str, marks: Sequence[str]) -> int:
    """How many characters at the end of `text` may be the beginning of a mark and must wait."""
    longest = max((len(m) for m in marks), default=1) - 1
    for size in range(min(longest, len(text)), 0, -1):
        tail = text[-size:]
        if any(m.startswith(tail) for m in marks):
            return size
    return 0


def first(text: str, marks: Sequence[str]) -> tuple[int, str] | None:
    """The earliest mark in `text` and where it begins; of two at one place, the longer."""
    found = [(text.index(m), -len(m), m) for m in marks if m in text]
    if not found:
        return None
    at, _, mark = min(found)
    return at, mark


def opened(prompt: str) -> str:
    """The mark of thinking that a prompt ends with (some templates write it themselves), empty where it has none."""
    end = prompt.rstrip()
    return next((mark for mark in THINKING if end.endswith(mark)), "")


class ThinkFilter:
    """Keeps blocks of thinking out, from each mark to its own end. An unclosed block swallows the rest: it was no
    reply. `inside` is the mark that the prompt opened. `thought` tells that there was a block; `unopened` is the mark
    of one whose beginning never came: what stood before it was thinking too, and has been shown."""

    def __init__(self, inside: str = "") -> None:
        self._waiting = ""
        self._inside = inside
        self._spoken = False
        self.thought = bool(inside)
        self.unopened = ""

    def feed(self, text: str) -> str:
        self._waiting += text
        out = ""
        while found := first(self._waiting, self._marks()):
            at, mark = found
            if not self._inside:
                out += self._waiting[:at]
            self._waiting = self._waiting[at + len(mark) :]
            self._passed(mark)
        keep = held(self._waiting, self._marks())
        ready = self._waiting[: len(self._waiting) - keep]
        self._waiting = self._waiting[len(self._waiting) - keep :]
        return self._told(out if self._inside else out + ready)

    def _marks(self) -> tuple[str, ...]:
        """What is looked for: the end of this block, else the beginning of any (or an end that nothing began)."""
        if self._inside:
            return (THINKING[self._inside],)
        return tuple(THINKING) if self.thought else (*THINKING, *THINKING.values())

    def _passed(self, mark: str) -> None:
        if self._inside:
            self._inside = ""
        elif mark in THINKING:
            self._inside, self.thought = mark, True
        else:
            self.unopened = next(begin for begin, end in THINKING.items() if end == mark)
            self.thought = True

    def finish(self) -> str:
        rest, self._waiting = ("" if self._inside else self._waiting), ""
        return self._told(rest)

    def _told(self, text: str) -> str:
        if not self._spoken:  # the blank lines between the thinking and the reply belong to neither
            text = text.lstrip()
            self._spoken = bool(text)
        return text


class StopFilter:
    """Ends the reply before the first stop string; `hit` tells that one was met."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(s for s in stops if s)
        self._waiting = ""
        self.hit = False

    def feed(self, text: str) -> str:
        if self.hit or not self._stops:
            return "" if self.hit else text
        self._waiting += text
        if found := first(self._waiting, self._stops):
            self.hit = True
            out, self._waiting = self._waiting[: found[0]], ""
            return out
        keep = held(self._waiting, self._stops)
        out, self._waiting = (
            self._waiting[: len(self._waiting) - keep],
            self._waiting[len(self._waiting) - keep :],
        )
        return out

    def finish(self) -> str:
        rest, self._waiting = self._waiting, ""
        return rest


class Halves:
    """Joins surrogate halves that a server escaped into two chunks; a half left alone becomes U+FFFD."""

    def __init__(self) -> None:
        self._waiting = ""

    def feed(self, text: str) -> str:
        text = self._waiting + text
        self._waiting = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._waiting = text[:-1], text[-1]
        return whole(text)

    def finish(self) -> str:
        rest, self._waiting = self._waiting, ""
        return whole(rest)


def whole(text: str) -> str:
    """`text` with surrogate pairs joined and lone ones replaced, so that it can be encoded."""
    if not any("\ud800" <= c <= "\udfff" for c in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Cleaner:
    """Halves, then thinking, then stop strings: a server's raw text in, the reply's text out."""

    def __init__(self, stops: Sequence[str], inside: str = "") -> None:
        self._halves, self._stop = Halves(), StopFilter(stops)
        self.think, self.spoken = ThinkFilter(inside), False

    @property
    def stopped(self) -> bool:
        return self._stop.hit

    def feed(self, text: str) -> str:
        return self._told(self._stop.feed(self.think.feed(self._halves.feed(text))))

    def finish(self) -> str:
        rest = self.think.feed(self._halves.finish()) + self.think.finish()
        return self._told(self._stop.feed(rest) + self._stop.finish())

    def _told(self, text: str) -> str:
        self.spoken |= bool(text)
        return text
