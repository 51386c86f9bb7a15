"""Tests that once failed without a fault, again and again while every core is kept busy.

`python .ci/steady.py [--times 30] [--busy CORES] [TEST ...]`; without names those of `.ci/named.txt`. Prints a line a
run and how many were red; exit status 0 where none was.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_COUNTS = re.compile(r"^=* ?(\d+ (?:passed|failed|error).*?) in [\d.]+s", re.MULTILINE)


@contextmanager
def busy(cores: int) -> Iterator[None]:
    """So many loops that do nothing but hold a core."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def once(tests: Sequence[str]) -> tuple[list[str], str, float]:
    """The tests that failed, what pytest counted, seconds."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "CI": "true"}
    )
    counted = _COUNTS.findall(run.stdout)
    failed = _FAILED.findall(run.stdout)
    if run.returncode and not failed:
        failed = [f"pytest itself (exit status {run.returncode})"]
    return failed, counted[-1] if counted else "nothing counted", time.monotonic() - begun


def say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--busy", type=int, default=os.cpu_count() or 1, help="cores that are held meanwhile")
    parser.add_argument("tests", nargs="*")
    asked = parser.parse_args(arguments)
    tests = asked.tests or (HERE / "named.txt").read_text().split()
    red, seconds, names = 0, [], Counter[str]()
    with busy(asked.busy):
        for number in range(1, asked.times + 1):
            failed, counted, took = once(tests)
            red += bool(failed)
            names.update(failed)
            seconds.append(took)
            load = os.getloadavg()[0]
            say(
                f"run {number} of {asked.times}: {counted}, {took:.0f} s, load {load:.1f} {' '.join(failed)}".rstrip()
            )
    middle = statistics.median(seconds)
    say(f"RED RUNS: {red} of {asked.times}, with {asked.busy} cores held; {middle:.0f} s a run (median)")
    for name, count in names.most_common():
        say(f"RED  {name}: {count} times")
    return bool(red)


if __name__ == "__main__":
    sys.exit(main())
