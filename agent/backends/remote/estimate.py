"""Token counts where the model's tokenizer is out of reach: an estimate that errs upward.

Per character, after byte-level BPE vocabularies of English-heavy models (GPT-2's family splits worst, so it
is the measure; tests compare with SmolLM2's real tokenizer):
- a Latin word costs one token for each three letters begun (two, from the thirteenth letter on), and one for
  each capital after its first letter; its single leading space is free;
- a digit, a punctuation mark, a line break, a space before a digit cost one each; further spaces one for two;
- other scripts by their UTF-8 length, where merges are rare: two bytes cost one and a half tokens, three
  bytes (CJK, Thai, Devanagari, Hangul) three, four bytes (emoji, rare ideographs) four.
A message costs eight more for its template, the prompt eight. A picture costs what its 28-pixel patches
count (Qwen-VL's measure, the hungriest in common use below a side of 1,024 pixels), at least 1,105 (OpenAI's
largest usual figure), or what the server was seen to charge if that was more.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil

from agent.backends.base import Message
from agent.picture import Picture

PER_MESSAGE = 8
PER_PROMPT = 8
PER_PICTURE = 1_105
MAX_SIDE = 1_024
_PARTS = re.compile(r"[A-Za-z]+| ?[0-9]| +|[^A-Za-z0-9 ]")


def text_tokens(text: str) -> int:
    """An upper estimate of the tokens in `text`."""
    parts = Counter(_PARTS.findall(text))  # words repeat: a long prompt is counted several times a reply
    return ceil(sum(_cost(part) * times for part, times in parts.items()))


def _cost(part: str) -> float:
    code = ord(part[0])
    if code < 0x80:
        if part[0].isalpha():
            return _word_cost(part)
        return len(part) // 2 if part.isspace() and code == 0x20 else len(part)
    if code < 0x800:
        return 1.5
    return 3 if code < 0x10000 else 4


def _word_cost(word: str) -> float:
    capitals = sum(c.isupper() for c in word[1:])
    return ceil(min(len(word), 12) / 3) + ceil(max(0, len(word) - 12) / 2) + capitals


def fitted(width: int, height: int, side: int = MAX_SIDE) -> tuple[int, int]:
    """The size at which a picture is sent: its own, or scaled down to `side` pixels on the longer edge."""
    scale = min(1.0, side / max(width, height, 1))
    return max(1, round(width * scale)), max(1, round(height * scale))


def picture_tokens(picture: Picture, floor: int = PER_PICTURE) -> int:
    """An upper estimate of the tokens of one picture."""
    width, height = fitted(picture.width, picture.height)
    return max(floor, ceil(width / 28) * ceil(height / 28))


def message_tokens(messages: Sequence[Message], floor: int = PER_PICTURE) -> int:
    """An upper estimate of a whole prompt, template included."""
    words = sum(PER_MESSAGE + text_tokens(m.text) for m in messages)
    return PER_PROMPT + words + sum(picture_tokens(p, floor) for p in pictures_of(messages))


def pictures_of(messages: Iterable[Message]) -> list[Picture]:
    return [p for m in messages for p in m.pictures]
