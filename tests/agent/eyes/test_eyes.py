"""The eyes from end to end: a real picture through intake, a real look in the child process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from agent.errors import PictureError
from agent.eyes import eyes as door
from agent.eyes.eyes import Eyes
from agent.intake import Intake
from agent.picture import Maker, Picture
from agent.settings import EyesSettings, IntakeSettings
from tests.agent.drawing import coded, landscape, sign
from tests.agent.eyes import scenes


@pytest.fixture
async def take(tmp_path: Path) -> AsyncIterator[Callable[[Image.Image], Any]]:
    intake = Intake(IntakeSettings(folder=tmp_path))

    async def taken(image: Image.Image) -> Picture:
        return await intake.take(coded(image, "PNG"))

    yield taken
    intake.close()


@pytest.fixture(scope="module")
def eyes() -> Any:
    made = Eyes(EyesSettings())
    yield made
    made.close()


async def test_text_and_colours(eyes: Eyes, take: Callable[[Image.Image], Any]) -> None:
    note = await eyes.look(await take(sign("EMERGENCY EXIT")))
    assert note.maker is Maker.EYES
    assert note.version == eyes.version == "eyes-1+tags+text"
    assert note.sure
    assert 'Text in the picture: "EMERGENCY EXIT".' in note.text
    assert "Colours and shape: mostly white; bright; landscape" in note.text


async def test_tags(eyes: Eyes, take: Callable[[Image.Image], Any]) -> None:
    note = await eyes.look(await take(scenes.crossword()))
    assert note.text.startswith("Tags (machine guess): crossword (0.9")
    assert note.sure


async def test_abstains_and_says_so(eyes: Eyes, take: Callable[[Image.Image], Any]) -> None:
    note = await eyes.look(await take(landscape(seed=4)))
    assert note.text.startswith("The subject was not recognised. Colours and shape: ")
    assert not note.sure


async def test_the_loop_stays_free_while_it_looks(eyes: Eyes, take: Callable[[Image.Image], Any]) -> None:
    """Its child is stopped meanwhile: a look that held the loop would never give it back."""
    picture = await take(sign("SLOW WORDS\n" * 5, 40))
    await eyes.look(picture)
    child = eyes._child._process
    assert child is not None
    os.kill(child.pid, signal.SIGSTOP)
    try:
        looking = asyncio.create_task(eyes.look(picture))
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not looking.done()
    finally:
        os.kill(child.pid, signal.SIGCONT)
    assert "SLOW WORDS" in (await looking).text
    assert eyes._child._process is child


async def test_switched_off(take: Callable[[Image.Image], Any]) -> None:
    eyes = Eyes(EyesSettings(tags=False, text=False))
    note = await eyes.look(await take(sign("EXIT")))
    assert note.version == eyes.version == "eyes-1"
    assert note.text.startswith("Nothing here recognises subjects. Colours and shape: mostly white")
    assert not note.sure
    eyes.close()


async def test_a_missing_package_is_told(
    take: Callable[[Image.Image], Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(door, "find_spec", lambda name: None if name == "rapidocr" else find_spec(name))
    eyes = Eyes(EyesSettings())
    assert eyes.missing == ("rapidocr",)
    assert eyes.version == "eyes-1+tags"
    assert "rapidocr" in caplog.text
    note = await eyes.look(await take(sign("EMERGENCY EXIT")))
    assert "EXIT" not in note.text
    eyes.close()


async def test_a_look_that_hangs_still_tells_colours(
    take: Callable[[Image.Image], Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    eyes, picture = Eyes(EyesSettings()), await take(sign("EMERGENCY EXIT"))
    await Eyes.look(eyes, await take(Image.new("RGB", (9, 9))))  # loaded, so that only the look takes time
    monkeypatch.setattr(door, "_SECONDS", 0.05)
    call = eyes._child.call

    async def patient(head: Any, data: bytes, *, seconds: float) -> Any:
        return await call(head, data, seconds=seconds if head["text"] else 60)

    monkeypatch.setattr(eyes._child, "call", patient)
    note = await eyes.look(picture)
    assert note.version == "eyes-1"
    assert "mostly white" in note.text
    assert not note.sure
    assert "no answer within" in caplog.text
    eyes.close()


async def test_lost_or_broken_bytes(eyes: Eyes, take: Callable[[Image.Image], Any]) -> None:
    picture = await take(sign("EXIT"))
    picture.path.write_bytes(b"broken")
    with pytest.raises(PictureError, match="cannot be looked at"):
        await eyes.look(picture)
    picture.path.unlink()
    with pytest.raises(PictureError, match="gone"):
        await eyes.look(picture)
