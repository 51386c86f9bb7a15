"""A hub that offers one small model."""

from collections.abc import Iterator

import pytest

from agent import models
from tests.agent.hub_server import MMPROJ, MODEL, ONE, Hub, serve


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(models, "OFFERS", (ONE,))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    files = {f"{ONE.repo}/{ONE.file}": MODEL, f"{ONE.repo}/{ONE.mmproj}": MMPROJ}
    with serve(Hub(files)) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server
