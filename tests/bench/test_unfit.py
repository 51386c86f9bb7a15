"""Replies that a measurement kept are judged with the prompts they were asked for."""

import json
from pathlib import Path

from click.testing import CliRunner

from bench import unfit
from door.bench import bench
from pipeline.corpus.people import characters
from pipeline.corpus.read import read
from pipeline.measure.cases import cases


def test_first_tries_are_counted_by_reason(tmp_path: Path) -> None:
    case = next(c for c in cases(read(), characters()) if len(c.words.split()) > 5)
    kept = [
        {"id": case.id, "first": case.answer},
        {"id": case.id, "first": case.words},
        {"id": "nobody-01/1", "first": "of a corpus that is gone"},
    ]
    lines = "".join(json.dumps(record) + "\n" for record in kept)
    (tmp_path / "replies-base.jsonl").write_text(lines)
    (found,) = unfit.kept(tmp_path)
    assert (found.what, found.n) == ("base, first tries", 2)
    assert dict(found.reasons) == {"gives back what was said to it": 1}


def test_the_command_teaches() -> None:
    told = CliRunner().invoke(bench, ["unfit", "--help"])
    assert told.exit_code == 0
    assert "false alarm" in told.output
