"""The first word from Enter: measured with the real model and eyes, and a reply that fails is told."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import first
from bot.events import Outgoing, Place
from door.bench import bench


@pytest.mark.model
def test_cold_and_warm_are_measured_printed_and_kept(tmp_path: Path) -> None:
    kept = tmp_path / "first.json"
    shown = CliRunner().invoke(bench, ["first", "--times", "2", "--json", str(kept)])
    assert shown.exit_code == 0, shown.output
    caption, head, *rows = shown.stdout.splitlines()
    assert "load" in caption
    assert head.split() == ["n", "p50", "p95", "worst"]
    assert [row.split()[:2] for row in rows] == [["cold", "2"], ["warm", "2"]]
    report = json.loads(kept.read_text())
    assert all(len(report[kind]) == 2 and min(report[kind]) > 0 for kind in ("cold", "warm"))


async def test_the_first_word_counts_and_a_failure_ends_the_waiting() -> None:
    screen = first.Screen()
    line = await screen.open(Outgoing("t", Place("bench", "c"), "ada", "Ada"))
    await line.update("A")
    moment = screen.shown
    await line.update("A word")
    assert await line.finish("A word.")
    assert screen.shown == moment > 0
    assert screen.over.is_set()
    screen.clear()
    assert not screen.over.is_set()
    await line.abort("(Ada cannot answer now.)")
    assert (screen.shown, screen.trouble) == (0.0, "(Ada cannot answer now.)")
    assert screen.over.is_set()


def test_no_two_pictures_are_alike() -> None:
    assert len({first.picture(number) for number in range(4)}) == 4
