"""Long texts cut into messages that Discord takes."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

LIMIT = 2_000

_GRAPHEME = regex.compile(r"\X")
_FENCE = re.compile(r"```")
_INFO = re.compile(r"```([A-Za-z0-9_+#.-]{1,20})(?=\n)")
# What is not to be broken where it fits into one message: links, mentions and emojis, addresses, fence lines.
_WHOLE = re.compile(
    r"!?\[[^\]\n]{0,500}\]\([^)\s]{1,500}\)|<[^<>\s]{1,100}>|https?://\S{1,500}|```[^\s`]{0,20}\n?"
)
# Borders, best first, each with the least part of a message that it must leave in front.
_BORDERS = (
    (re.compile(r"\n[ \t]*\n+"), 0.3),
    (re.compile(r"\n"), 0.4),
    (re.compile(r"(?:[.!?…]+[\"'”’)\]*_]*\s+)|[。！？]+[」』”]*"), 0.3),
    (re.compile(r"\s+"), 0.3),
)


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of the original text with the code fence reopened before and closed after it."""

    before: str
    raw: str
    after: str

    @property
    def text(self) -> str:
        return self.before + self.raw + self.after


def size(text: str) -> int:
    """Length as the strictest counter has it: UTF-16 units, never fewer than code points."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int = LIMIT) -> list[str]:
    """Messages of at most `limit` characters (at least 64) that together say the text, in order. Borders are
    paragraphs, lines, sentences, words, and last grapheme clusters; code fences are closed and reopened.
    None of them is blank; whitespace at the borders is dropped, as Discord would."""
    return [piece.text.strip() for piece in cut(text, limit) if piece.raw.strip()]


def cut(text: str, limit: int) -> Sequence[Cut]:
    """The same before trimming: the `raw` stretches joined are the text exactly."""
    if limit < 64:
        raise ValueError("a message limit under 64 characters leaves no room for code fences")
    return list(_cuts(text, limit))


def _cuts(text: str, limit: int) -> Iterator[Cut]:
    opened = ""  # the fence that is open where the rest begins, as it is to be written again
    start = 0
    while start < len(text):
        before = opened
        room = limit - size(before) - len("\n```")
        rest = text[start : start + limit]
        if start + limit >= len(text) and size(rest) <= room:
            end = len(text)
        else:
            end = start + _border(text, start, room, bool(opened))
        raw = text[start:end]
        opened = _fence_after(raw, opened)
        after = "" if not opened else ("```" if (before + raw).endswith("\n") else "\n```")
        yield Cut(before, raw, after)
        start = end


def _fence_after(raw: str, opened: str) -> str:
    for fence in _FENCE.finditer(raw):
        info = _INFO.match(raw, fence.start())
        opened = "" if opened else f"```{info[1] if info else ''}\n"
    return opened


def _border(text: str, start: int, room: int, in_code: bool) -> int:
    """How many characters of text[start:] to take: at least one, at most `room` UTF-16 units."""
    window = text[start : start + room]
    most = _fitting(window, room)
    window = window[:most]
    whole = _unbreakable(text, start, most)
    for number, (border, least) in enumerate(_BORDERS):
        if in_code and number in (0, 2):
            continue
        ends = [m.end() for m in border.finditer(window) if m.end() >= most * least]
        for end in reversed(ends):
            if not _inside(end, whole):
                return end
    return _grapheme_border(text, start, most, whole)


def _fitting(window: str, room: int) -> int:
    if size(window) <= room:
        return len(window)
    units = [0]
    for character in window:
        units.append(units[-1] + (2 if ord(character) > 0xFFFF else 1))
    return bisect_right(units, room) - 1


def _unbreakable(text: str, start: int, most: int) -> list[tuple[int, int]]:
    """Spans that may not be broken, relative to start; those too long for a message are left out."""
    region = text[start : start + most + 1_200]
    spans = [m.span() for m in _WHOLE.finditer(region)]
    return [(a, b) for a, b in spans if b - a <= most]


def _inside(position: int, spans: list[tuple[int, int]]) -> bool:
    return any(a < position < b for a, b in spans)


def _grapheme_border(text: str, start: int, most: int, whole: list[tuple[int, int]]) -> int:
    """The last border between grapheme clusters; inside one only where one alone is too long."""
    last = fallback = 0
    for cluster in _GRAPHEME.finditer(text, start, start + most + 64):
        end = cluster.end() - start
        if end > most:
            break
        fallback = end
        if not _inside(end, whole):
            last = end
    return last or fallback or max(most, 1)
