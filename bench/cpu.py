"""What this CPU and the llama.cpp built for it make of a model, each way of running it in one run."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from agent.engine.cpu import this_cpu

ROOT = Path(__file__).resolve().parents[1]
# How OpenMP's threads wait for each other between two steps of the graph.
WAITING = {
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "active": {"OMP_WAIT_POLICY": "active"},
    "spin 10,000": {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "10000"},
}


@dataclass(frozen=True)
class Row:
    """Medians of `runs` interleaved runs: tokens a second reading 512 at once, and writing one after the other."""

    waiting: str
    extra: bool
    prefill: float
    decode: float


@dataclass(frozen=True)
class Report:
    cpu: str
    flags: str
    system: str
    built: str
    kl: float
    same: float
    runs: int
    rows: tuple[Row, ...]


def measure(gguf: str, runs: int) -> Report:
    """Blocking: about 10 s a run and way of waiting. Raises RuntimeError where the library does not stand it."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in WAITING}
    for _ in range(runs):
        for name, variables in WAITING.items():
            found[name].append(_selftest(gguf, variables))
    rows = []
    for name, verdicts in found.items():
        for extra in (True, False):
            head = "" if extra else "plain_"
            prefill, decode = (median(v[head + what] for v in verdicts) for what in ("prefill", "decode"))
            rows.append(Row(name, extra, 512 / prefill, 1 / decode))
    cpu, last = this_cpu(), found["passive"][-1]
    built = _built()
    return Report(cpu.name, cpu.notable, last["system"], built, last["kl"], last["same"], runs, tuple(rows))


def _selftest(gguf: str, variables: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "agent.engine.selftest", *([gguf] if gguf else [])]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))} | variables
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise RuntimeError(f"the self-test ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    verdict: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return verdict


def _built() -> str:
    """Which recipe the install took, where it was ours."""
    try:
        return str(json.loads((Path(sys.prefix) / "llama.json").read_text())["recipe"])
    except (OSError, ValueError, KeyError, TypeError):
        return "not by `make`"
