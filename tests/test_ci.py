"""`.ci/tests.py`: a few failures are run again, alone; what passes then is named, what fails again is red."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "tests.py"
FLAKY = """
from pathlib import Path
def test_{n}():
    mark = Path("mark{n}")
    first = not mark.exists()
    mark.touch()
    assert not first
"""


def ran(folder: Path, content: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(content)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, str(SCRIPT)], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        ("def test_a(): pass\n", 0, "1 passed"),
        (FLAKY.format(n=1) + FLAKY.format(n=2), 0, "FLAKY: 2"),
        (FLAKY.format(n=1) + "def test_never(): assert False\n", 1, "failed twice: test_it.py::test_never"),
        ("".join(FLAKY.format(n=n) for n in range(6)), 1, "6 failed"),
        ("raise SystemError\n", 2, "error"),
        ("", 5, "no tests ran"),
    ],
)
def test_the_verdict(tmp_path: Path, content: str, status: int, told: str) -> None:
    done = ran(tmp_path, content)
    assert done.returncode == status, done.stdout
    assert told in done.stdout


def test_what_was_flaky_is_named(tmp_path: Path) -> None:
    lines = ran(tmp_path, FLAKY.format(n=1)).stdout.splitlines()
    assert "FLAKY  test_it.py::test_1" in lines


def test_what_failed_in_an_earlier_run_does_not_count(tmp_path: Path) -> None:
    ran(tmp_path, "def test_never(): assert False\n")
    assert "FLAKY" not in ran(tmp_path, "def test_a(): pass\n").stdout
