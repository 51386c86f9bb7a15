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


def test_steady_counts_red_runs_and_names_them(tmp_path: Path) -> None:
    """A test that fails each second time, under a core that is kept busy."""
    (tmp_path / "test_it.py").write_text(
        "from pathlib import Path\n\n\n"
        "def test_well():\n    assert True\n\n\n"
        "def test_second_times():\n"
        "    seen = Path('seen')\n    there = seen.exists()\n"
        "    seen.unlink() if there else seen.touch()\n    assert not there\n"
    )
    steady = SCRIPT.with_name("steady.py")
    command = [sys.executable, str(steady), "--times", "2", "--busy", "1", "test_it.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    first, second, told, named = ran.stdout.splitlines()
    assert ran.returncode == 1
    assert first.startswith("run 1 of 2: 2 passed")
    assert "1 failed, 1 passed" in second
    assert told.startswith("RED RUNS: 1 of 2, with 1 cores held")
    assert named == "RED  test_it.py::test_second_times: 1 times"


def test_the_named_tests_are_there() -> None:
    root = SCRIPT.parents[1]
    for name in (SCRIPT.parent / "named.txt").read_text().split():
        path, _, test = name.partition("::")
        assert f"def {test}(" in (root / path).read_text() if test else (root / path).is_file(), name
