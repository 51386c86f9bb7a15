"""What stops an install, in a sentence that says what to do. Found before it starts, or in pip's last words."""

import contextlib
import re
import shutil
import tempfile
from pathlib import Path

DISK = 1_200_000_000  # bytes a build of llama.cpp takes while it runs, its sources included
MEMORY = 700_000_000  # bytes the largest of its files needs to compile
NO_LIMIT = 1 << 60  # version 1 of control groups writes a number beyond this where there is none
# The files of a limit and of what is used, and the name of idle file pages in memory.stat.
_GROUPS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)
_COMPILERS = ("c++", "g++", "clang++")

# Patterns in the order of their trust: a full disk also makes compilers and downloads fail.
_SIGNS = (
    (
        r"No space left on device|Errno 28\b|disk quota exceeded",
        "The disk is full: make room (about 2 GB) and run it again.",
    ),
    (
        r"Killed signal terminated program|fatal error: Killed|virtual memory exhausted"
        r"|cc1plus: out of memory|MemoryError",
        "The compiler ran out of memory: it needs about 1 GB. Close other programs or add swap, and run it again.",
    ),
    (
        r"CMAKE_CXX_COMPILER|CMAKE_C_COMPILER|No CMAKE_\w+ could be found|command '(gcc|cc|g\+\+)' failed: No such",
        "There is no working C++ compiler. Debian: apt install build-essential; macOS: xcode-select --install.",
    ),
    (
        r"Temporary failure in name resolution|NewConnectionError|Failed to establish a new connection|getaddrinfo"
        r"|Network is unreachable|ConnectTimeoutError|Read timed out|nodename nor servname|Could not fetch URL"
        r"|Failed to resolve|Connection refused|ProxyError",
        "The package index cannot be reached: the first install needs the network. Connect, and run it again.",
    ),
    (r"Permission denied|Errno 13\b", "A folder cannot be written to: see the path above, and who owns it."),
    (
        r"No matching distribution found",
        "The package index has no fitting release, or was not reached: is there a network, and Python 3.11 or newer?",
    ),
)  # fmt: skip


def explain(log: str) -> str:
    """One sentence for what pip printed, empty where nothing known stands in it."""
    return next((told for pattern, told in _SIGNS if re.search(pattern, log, re.IGNORECASE)), "")


def before_building(*, venv: Path, cache: Path) -> str:
    """What would stop a build, told before minutes are spent on it; empty where nothing does."""
    if not any(map(shutil.which, _COMPILERS)):
        return "There is no C++ compiler. Debian: apt install build-essential; macOS: xcode-select --install."
    for folder in (Path(tempfile.gettempdir()), venv, cache):
        there = next(p for p in (folder, *folder.parents) if p.exists())
        if (free := shutil.disk_usage(there).free) < DISK:
            return (
                f"{there} has {free / 1e6:.0f} MB left, and compiling llama.cpp needs {DISK / 1e9:.1f} GB: make room"
                " (TMPDIR names another folder for the temporary part), and run it again."
            )
    return ""


def memory_available(info: Path = Path("/proc/meminfo"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes, a container's limit included (`groups`: control groups, version 2 or 1); None where the system
    does not tell."""
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", info.read_text())
    except OSError:
        found = None
    free = [int(found[1]) * 1024] if found else []
    for limit, used, idle in _GROUPS:
        with contextlib.suppress(OSError, ValueError):  # no such version, or the limit is "max"
            most = int((groups / limit).read_text())
            if most < NO_LIMIT:
                free.append(most - _held(groups / used, idle))
    return max(0, min(free)) if free else None


def _held(used: Path, idle: str) -> int:
    """Bytes a container holds on to: its use without the pages of files that the kernel gives up first."""
    held = 0
    with contextlib.suppress(OSError, ValueError):
        held = int(used.read_text())
        if cached := re.search(rf"(?m)^{idle} (\d+)$", (used.parent / "memory.stat").read_text()):
            held -= int(cached[1])
    return held


def jobs(cores: int, memory: int | None) -> int:
    """How many files to compile at once: as many as there are cores, and fewer where memory is short."""
    return cores if memory is None else max(1, min(cores, memory // MEMORY))
