"""Hashes of files, for reports."""

import hashlib
from pathlib import Path


def file_hash(*paths: Path) -> str:
    """SHA-256 of the content of these files, one after the other."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.read_bytes())
    return whole.hexdigest()
