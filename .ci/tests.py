"""Runs every test; where a few fail, once more and alone. `python .ci/tests.py [pytest arguments]`.

A test that fails in the crowd and passes alone is named under FLAKY and does not stop the landing; more than FEW
failures, or one that fails again, does. Exit status: 0 green, 1 red, else pytest's own.
"""

import json
import subprocess
import sys
from pathlib import Path

FEW = 5
FAILED = Path(".pytest_cache/v/cache/lastfailed")


def pytest(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def failed() -> list[str]:
    try:
        return sorted(json.loads(FAILED.read_text()))
    except (OSError, ValueError):
        return []


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    FAILED.unlink(missing_ok=True)
    status = pytest("--durations=20", *arguments)
    names = failed()
    if status != 1 or not 0 < len(names) <= FEW:
        return status
    say(f"\n{len(names)} failed: run once more, alone.")
    again = {name: status for name in names if (status := pytest(name))}
    if again:
        say(f"RED: failed twice: {', '.join(again)}")
        return max(again.values())
    say(f"\nFLAKY: {len(names)} (failed among the others, passed alone)")
    for name in names:
        say(f"FLAKY  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
