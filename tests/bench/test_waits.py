"""The table of waits: every row can be measured, what cannot be is told, and no figure is judged."""

import json
import logging
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.errors import BackendError
from bench.waits import table
from bench.waits.wait import Wait
from door.bench import bench

MODEL = pytest.mark.model


def ignored(name: str) -> None:
    """Nobody listens to the progress."""


@pytest.mark.parametrize(
    "name",
    [
        *("help", "face", "drip", "silent", "full", "macros", "patterns", "book", "lint", "portrait", "bomb"),
        "decode",
        *(pytest.param(name, marks=MODEL) for name in ("killed", "count")),
    ],
)
def test_a_row_is_measured(name: str) -> None:
    (row,) = table.measure(table.chosen([name]), 1, begins=ignored).rows
    assert (row.name, row.trouble, len(row.samples)) == (name, "", 1)
    assert row.median == row.worst == row.samples[0]


def test_names_are_told_apart() -> None:
    names = [wait.name for wait in table.WAITS]
    assert len(set(names)) == len(names)
    assert table.chosen([]) == table.WAITS
    assert [wait.name for wait in table.chosen(["lint", "help"])] == ["help", "lint"], "in the table's order"


def test_the_table_is_printed_and_kept(tmp_path: Path) -> None:
    kept = tmp_path / "waits.json"
    asked = ["waits", "--only", "macros", "--only", "portrait", "--repeats", "2", "--json", str(kept)]
    shown = CliRunner().invoke(bench, asked)
    assert shown.exit_code == 0, shown.output
    caption, empty, head, *rows = shown.stdout.splitlines()
    assert "load" in caption
    assert not empty
    assert head.split() == ["what", "median", "worst", "of", "2", "former", "goal"]
    assert [row.split()[0] for row in rows] == ["macros", "portrait"]
    assert [row.split()[-2:] for row in rows] == [["10", "s"], ["2", "s"]]
    assert shown.stderr.splitlines() == ["macros…", "portrait…"]
    report = json.loads(kept.read_text())
    assert [len(row["samples"]) for row in report["rows"]] == [2, 2]
    assert report["repeats"] == 2


def test_an_unknown_name_is_told_with_those_that_are(tmp_path: Path) -> None:
    shown = CliRunner().invoke(bench, ["waits", "--only", "macros", "--only", "macroes"])
    assert shown.exit_code == 2
    assert "'macroes' is none of help, face" in shown.stderr
    assert not shown.stdout


def test_what_cannot_be_measured_stands_in_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(repeats: int) -> AsyncGenerator[float, None]:
        yield 0.25
        raise BackendError("there is no model", mend="get one")

    async def never(repeats: int) -> AsyncGenerator[float, None]:
        raise RuntimeError
        yield 0.0  # type: ignore[unreachable]

    async def well(repeats: int) -> AsyncGenerator[float, None]:
        for _ in range(repeats):
            yield 2.0

    made = [Wait(w.__name__, f"one that goes {w.__name__}", "1 s", w) for w in (broken, never, well)]
    monkeypatch.setattr(table, "WAITS", tuple(made))
    shown = CliRunner().invoke(bench, ["waits", "--repeats", "3"])
    assert shown.exit_code == 1
    _, _, _, one, why, two, how, three = shown.stdout.splitlines()
    assert one.count("250 ms") == 2
    assert "after 1 of 3: there is no model" in why
    assert two.split()[-4:-2] == ["-", "-"]
    assert "after 0 of 3: RuntimeError" in how
    assert three.count("2.00 s") == 2
    assert logging.root.manager.disable == logging.NOTSET
