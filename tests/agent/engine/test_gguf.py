"""Digests are remembered by path, size and time of change, and never trusted beyond that."""

import hashlib
import os
from pathlib import Path

import pytest

from agent.engine.gguf import check_header, digest
from agent.errors import BackendError


def test_digest_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    file, cache = tmp_path / "a.gguf", tmp_path / "cache"
    file.write_bytes(b"one")
    assert digest(file, cache) == hashlib.sha256(b"one").hexdigest()
    book = cache / "digests.json"
    book.write_text(book.read_text().replace(hashlib.sha256(b"one").hexdigest(), "remembered"))
    assert digest(file, cache) == "remembered"
    file.write_bytes(b"two")
    os.utime(file, ns=(1, 1))
    assert digest(file, cache) == hashlib.sha256(b"two").hexdigest()


@pytest.mark.parametrize("junk", ["", "[]", "{", '{"x": 3}', "null"])
def test_a_broken_book_costs_only_time(tmp_path: Path, junk: str) -> None:
    file = tmp_path / "a.gguf"
    file.write_bytes(b"one")
    (tmp_path / "digests.json").write_text(junk)
    assert digest(file, tmp_path) == hashlib.sha256(b"one").hexdigest()


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    file, cache = tmp_path / "a.gguf", tmp_path / "not-a-folder"
    file.write_bytes(b"one")
    cache.write_text("a file where the folder should be")
    assert digest(file, cache) == hashlib.sha256(b"one").hexdigest()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for look in (lambda: digest(tmp_path / "gone", tmp_path), lambda: check_header(tmp_path / "gone")):
        with pytest.raises(BackendError) as caught:
            look()
        assert "gone" in str(caught.value)
