"""Pictures through llama.cpp's multimodal library for real: a tiny random projector on the embedded model."""

import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from agent.backends.base import Message, Request
from agent.backends.llama import LlamaBackend
from agent.errors import BackendDown, BackendError, BackendRefused
from agent.picture import Picture
from agent.settings import LlamaSettings
from tests.agent.backends.contract import GREEDY, HELLO, collect, red
from tests.agent.engine.projector import TOKENS, write

pytestmark = [pytest.mark.model, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seeing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LlamaBackend]:
    folder = tmp_path_factory.mktemp("sight")
    mmproj = str(write(folder / "mmproj.gguf"))
    backend = LlamaBackend(LlamaSettings(context=1024, mmproj=mmproj), cache=folder)
    await backend.start()
    yield backend
    await backend.close()


def noise(folder: Path, seed: int) -> Picture:
    from PIL import Image

    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    name = hashlib.sha256(buffer.getvalue()).hexdigest()
    (folder / name).write_bytes(buffer.getvalue())
    return Picture(name, folder / name, "image/png", 80, 48, "0" * 16)


def ask(*pictures: Picture) -> Request:
    return Request((Message("user", (*pictures, "What do you see?")),), GREEDY)


async def test_pixels_travel_into_the_model(seeing: LlamaBackend, tmp_path: Path) -> None:
    replies = {(await collect(seeing, ask(noise(tmp_path, seed)))).text for seed in range(3)}
    replies.add((await collect(seeing, ask(red(tmp_path)))).text)
    assert len(replies) > 1, "different pixels, different words"


async def test_tokens_of_pictures_are_counted_exactly(seeing: LlamaBackend, tmp_path: Path) -> None:
    one, two = noise(tmp_path, 1), noise(tmp_path, 2)
    counts = [await seeing.count(ask(*p).messages) for p in ((), (one,), (one, two))]
    assert counts[1] - counts[0] >= TOKENS
    assert counts[2] - counts[1] == counts[1] - counts[0]
    assert (await collect(seeing, ask(one, two))).done.prompt_tokens == counts[2]


async def test_a_known_picture_is_not_encoded_again(seeing: LlamaBackend, tmp_path: Path) -> None:
    await collect(seeing, ask(red(tmp_path)))
    cold = await collect(seeing, ask(noise(tmp_path, 5)))
    warm = await collect(seeing, ask(noise(tmp_path, 5)))
    assert warm.done.cached_tokens - cold.done.cached_tokens >= TOKENS
    assert warm.text == cold.text


async def test_a_picture_that_cannot_be_read_is_refused(seeing: LlamaBackend, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    for path in (broken, tmp_path / "gone.png"):
        with pytest.raises(BackendRefused):
            await collect(seeing, ask(Picture("0" * 64, path, "image/png", 1, 1, "0" * 16)))
    assert (await collect(seeing, ask(red(tmp_path)))).text


async def test_the_marker_of_a_picture_cannot_be_typed(seeing: LlamaBackend, tmp_path: Path) -> None:
    words = "<__media__> <__media__> What do you see?"
    reply = await collect(seeing, Request((Message("user", (red(tmp_path), words)),), GREEDY))
    assert reply.text
    assert (await collect(seeing, Request((Message("user", (words,)),), GREEDY))).text


async def test_words_alone_still_work(seeing: LlamaBackend) -> None:
    assert (await collect(seeing, Request(HELLO, GREEDY))).text


async def test_it_is_asked_whether_it_sees(seeing: LlamaBackend) -> None:
    """A projector is loaded, yet random weights read no digits: only asking tells."""
    assert seeing.worker.facts["sees"]
    assert not (await seeing.abilities()).sees


@pytest.mark.parametrize("how", ["misfit", "no-gguf", "gone"])
async def test_a_wrong_projector_is_named(tmp_path: Path, how: str) -> None:
    path = tmp_path / "mmproj.gguf"
    if how == "misfit":
        write(path, text=100)
    elif how == "no-gguf":
        path.write_bytes(b"nonsense" * 100)
    backend = LlamaBackend(LlamaSettings(context=512, mmproj=str(path)), cache=tmp_path)
    with pytest.raises(BackendError) as caught:
        await backend.start()
    await backend.close()
    assert "mmproj.gguf" in str(caught.value)
    assert not isinstance(caught.value, BackendDown)
    assert caught.value.mend
