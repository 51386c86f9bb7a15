"""What was said already: JSON lines in a file, appended as they come, read again when a stopped run goes on."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Kept:
    """One file. A record counts again where all of its `key` fields are the same; the last such one counts."""

    KEY = ("id", "model", "prompt", "seed", "sampling")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._records = {self._key(record): record for record in lines(path)}

    def get(self, wanted: Mapping[str, Any]) -> Record | None:
        return self._records.get(self._key(wanted))

    def add(self, record: Record) -> None:
        """On the disk when this returns. What a killed run left half written is cut off first."""
        data = (json.dumps(record, ensure_ascii=False) + "\n").encode()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            _mend(file)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._records[self._key(record)] = record

    def _key(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(record.get(name) for name in self.KEY)


def lines(path: Path) -> Iterator[Record]:
    """The whole records of a file, none where there is no file. A half line at its end is none."""
    if not path.exists():
        return
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    for line in whole.split(b"\n"):
        if line.strip():
            yield json.loads(line)


def _mend(file: Any) -> None:
    end = file.seek(0, os.SEEK_END)
    if end:
        file.seek(end - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
    file.seek(0, os.SEEK_END)
