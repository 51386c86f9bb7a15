"""chat and duet as a script runs them: the embedded model really answers."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.stage import drawn

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        f'[agent.cast]\nshipped = "{ROOT / "characters"}"\n'
        "[agent.sampling]\nmax_tokens = 32\nseed = 7\n[bot.duet]\npause_seconds = 0\n"
    )
    return path


def run(config: Path, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "main.py"), "--config", str(config), *words]
    return subprocess.run(command, capture_output=True, text=True, input=given, timeout=280, check=False)


def picture(folder: Path) -> Path:
    path = folder / "picture.png"
    path.write_bytes(drawn(4, (320, 240)))
    return path


def test_once_prints_one_json_line_last_and_the_journal_has_it(config: Path, tmp_path: Path) -> None:
    shown = run(
        config,
        "chat",
        "--character",
        "sherlock-holmes",
        "--picture",
        str(picture(tmp_path)),
        "--once",
        "What is it?",
        "--json",
    )
    assert shown.returncode == 0, shown.stderr
    record = json.loads(shown.stdout.splitlines()[-1])
    assert record["text"].strip()
    assert record["model"].startswith("SmolLM2-135M")
    assert "Colours" in record["note"]
    assert record["timings"]["total_ms"] > record["timings"]["first_token_ms"] > 0
    stats = json.loads(run(config, "journal", "stats", "--json").stdout)
    assert stats["turns"] == {"heard": 1, "delivered": 1}
    told = run(config, "journal", "show").stdout
    assert told


def test_without_json_the_words_and_the_note_are_shown(config: Path, tmp_path: Path) -> None:
    shown = run(config, "chat", "-c", "Ada Lovelace", "-p", str(picture(tmp_path)), "--once", "Look.")
    assert shown.returncode == 0, shown.stderr
    assert "Ada Lovelace: " in shown.stdout
    assert "(eyes " in shown.stdout


def test_a_conversation_over_a_pipe(config: Path, tmp_path: Path) -> None:
    lines = f"Good day.\n/picture {picture(tmp_path)}\nAnd this?\n/why\n/nonsense\n"
    shown = run(config, "chat", "-c", "sherlock-holmes", given=lines)
    assert shown.returncode == 0, shown.stderr
    # The greeting and two answers; a model may say its own name too, so the journal is asked how many.
    assert shown.stdout.count("Sherlock Holmes: ") >= 3
    stats = json.loads(run(config, "journal", "stats", "--json").stdout)
    assert stats["turns"] == {"heard": 2, "delivered": 2}
    assert "answered because" in shown.stdout
    assert "There is no command nonsense" in shown.stdout


def test_a_duet_is_inter_role(config: Path, tmp_path: Path) -> None:
    shown = run(
        config,
        "duet",
        "sherlock-holmes",
        "ada-lovelace",
        "--picture",
        str(picture(tmp_path)),
        "--turns",
        "2",
        "--json",
    )
    assert shown.returncode == 0, shown.stderr
    record = json.loads(shown.stdout.splitlines()[-1])
    assert [t["character"] for t in record["turns"]] == ["sherlock-holmes", "ada-lovelace"][
        : len(record["turns"])
    ]
    assert {"text", "model", "note", "timings", "ended"} <= set(record)
    assert "inter-role" in run(config, "journal", "stats", "--json").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["chat", "-c", "sherlok", "--once", "hi"], "sherlock-holmes"),
        (["chat", "-p", "/nowhere.png", "--once", "hi"], "/nowhere.png"),
        (["chat", "--json"], "--once"),
        (["duet", "sherlock-holmes"], "at least two"),
    ],
)
def test_mistakes_are_explained(config: Path, words: list[str], told: str) -> None:
    shown = run(config, *words)
    assert shown.returncode != 0
    assert told in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_file_that_is_no_picture_is_refused(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "not.png"
    path.write_bytes(io.BytesIO(b"<svg onload=alert(1)>").read())
    shown = run(config, "chat", "-p", str(path), "--once", "hi")
    assert shown.returncode == 1
    assert "not.png" in shown.stderr
