"""Runs pip, shows how far a build is, and says in a sentence why it failed."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from door.install.troubles import explain

STEP = re.compile(r"\[\s*(\d+)/(\d+)\]|\[\s*(\d+)%\]")  # ninja: [12/136], make: [ 5%]
Show = Callable[[str], None]


class Failed(Exception):
    """pip gave up. Its text is for people, and stands alone."""


def run(
    arguments: Sequence[str],
    *,
    log: Path,
    show: Show | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """`python -m pip ARGUMENTS`, all of its output into `log`, each line to `show`. Raises Failed."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    try:
        with (
            log.open("w", errors="replace") as kept,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env={**os.environ, **(environment or {})},
            ) as pip,
        ):
            assert pip.stdout
            for line in pip.stdout:
                kept.write(line)
                if show:
                    show(line)
    except OSError as error:
        raise Failed(explain(str(error)) or f"pip cannot be run: {error}") from error
    if pip.returncode:
        text = log.read_text(errors="replace")
        tail = "\n".join(text.splitlines()[-15:])
        reason = explain(text) or "pip failed; what it said last stands above."
        raise Failed(f"{tail}\n\n{reason}\nThe whole log: {log}")


class Bar:
    """A progress bar out of a compiler's own step numbers. Without a terminal it speaks at every fifth percent."""

    def __init__(self, say: Show) -> None:
        self._say, self._begun, self._shown = say, time.monotonic(), -1
        self._live = sys.stdout.isatty()

    def __call__(self, line: str) -> None:
        done = percent(line)
        if done is None or done == self._shown or (not self._live and done < self._shown + 5):
            return
        self._shown = done
        seconds, end = time.monotonic() - self._begun, "" if self._live else "\n"
        self._say(f"\r  compiling llama.cpp [{'#' * (done // 4):<25}] {done:3d}%  {seconds:4.0f} s{end}")


def percent(line: str) -> int | None:
    step = STEP.search(line)
    if not step:
        return None
    return int(step[3]) if step[3] else 100 * int(step[1]) // max(1, int(step[2]))
