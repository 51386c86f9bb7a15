"""Installs llama-cpp-python and shows how far the compiler is. Standard library only: nothing else is there yet.

pip hides a package's build, and this one takes 4 to 10 minutes on two cores the first time (pip keeps the
wheel afterwards). Compiled for the machine it runs on; CMAKE_ARGS in the environment is passed on, for GPUs.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / ".venv" / "llama-build.log"
STEP = re.compile(r"\[\s*(\d+)(?:/(\d+)|%)\]")  # ninja: [12/240], make: [ 5%]


def main() -> int:
    pinned = re.search(r"(?m)^llama[-_]cpp[-_]python==(\S+)$", (ROOT / "constraints.txt").read_text())
    assert pinned, "constraints.txt pins no llama-cpp-python"
    wanted = f"llama-cpp-python=={pinned[1]}"
    if _installed(wanted):
        return 0
    _say(f"Installing {wanted}. The first time this compiles llama.cpp: 4 to 10 minutes on two cores.\n")
    # Its few dependencies come with the rest, under their own pins.
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--verbose",
        "--no-deps",
        "--disable-pip-version-check",
        wanted,
    ]
    begun = time.monotonic()
    with (
        LOG.open("w") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as pip,
    ):
        assert pip.stdout
        shown = -1
        for line in pip.stdout:
            log.write(line)
            done = _percent(line)
            if done is not None and done != shown and (sys.stdout.isatty() or done >= shown + 5):
                shown = done
                _bar(done, time.monotonic() - begun)
    if pip.returncode:
        tail = LOG.read_text(errors="replace").splitlines()[-25:]
        _say("\n" + "\n".join(tail) + f"\n\nllama.cpp could not be built; the whole log is {LOG}.\n")
        _say(
            "It needs a C and C++ compiler (Debian: apt install build-essential) and about 1 GB of memory and disk.\n"
        )
        return 1
    _say(f"\nllama-cpp-python is installed ({time.monotonic() - begun:.0f} s).\n")
    return 0


def _installed(pinned: str) -> bool:
    name, version = pinned.split("==")
    show = subprocess.run(
        [sys.executable, "-m", "pip", "show", name], capture_output=True, text=True, check=False
    )
    return f"Version: {version}" in show.stdout


def _percent(line: str) -> int | None:
    step = STEP.search(line)
    if not step:
        return None
    return 100 * int(step[1]) // int(step[2]) if step[2] else int(step[1])


def _bar(percent: int, seconds: float) -> None:
    filled = "#" * (percent // 4)
    end = "" if sys.stdout.isatty() else "\n"
    _say(f"\r  compiling llama.cpp [{filled:<25}] {percent:3d}%  {seconds:4.0f} s{end}")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        _say("\nStopped. The next `make run` begins the compilation anew.\n")
        sys.exit(130)
