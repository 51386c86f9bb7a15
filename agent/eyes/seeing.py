"""The work of the eyes' child process (`python -m agent.eyes.seeing`): one picture, what was asked for.

What breaks is named in the answer (`failed`), the rest is still answered.
"""

import io
from functools import cache

from agent.child import Head, serve
from agent.eyes import colours
from agent.eyes.tags import Tagger
from agent.eyes.text import Reader

_LEAST_DRAWN = 0.8  # the network learned from photographs: a silhouette of a horse is a dog to it, at 0.73


@cache
def _tagger() -> Tagger:
    return Tagger()


@cache
def _reader() -> Reader:
    return Reader()


def job(head: Head, data: bytes) -> tuple[Head, bytes]:
    """`tags` and `text` (asked for: bool), `min_confidence` -> `colours`, `tags`, `text`, `failed`."""
    from PIL import Image

    source = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
    drawn, image = colours.is_drawn(source), source.convert("RGB")
    answer: Head = {"colours": colours.describe(image, drawn=drawn), "tags": [], "text": [], "failed": {}}
    if head["tags"]:
        try:
            least = float(head["min_confidence"])
            found = _tagger().tags(image, max(least, _LEAST_DRAWN) if drawn else least)
            answer["tags"] = [(tag.name, round(tag.confidence, 4)) for tag in found]
        except Exception as error:  # noqa: BLE001  (whatever is wrong with it, colours are still worth telling)
            answer["failed"]["tags"] = repr(error)
    if head["text"]:
        try:
            answer["text"] = _reader().lines(image)
        except Exception as error:  # noqa: BLE001
            answer["failed"]["text"] = repr(error)
    return answer, b""


if __name__ == "__main__":
    serve(job)
