"""Memory and start-up of the program as a person starts it."""

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
REMOTE = (
    '[agent]\nbackend = "openai"\n[agent.abilities]\nsees = true\nstreams = true\ngrammar = false\nadapters = false\n'
    "logprobs = false\ncontext = 4096\n"
    '[[agent.openai.endpoints]]\nbase_url = "http://127.0.0.1:9/v1"\nmodel = "none"\n'
)


@dataclass(frozen=True)
class Footprint:
    """Seconds to the printed link and to the model being ready; megabytes (unique set size, summed over the
    program's processes) five seconds later."""

    page: float
    model: float
    memory: float


def footprint(*, embedded: bool, limit: float = 300.0) -> Footprint:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.toml"
        config.write_text(f'{"" if embedded else REMOTE}[agent.cast]\nshipped = "{ROOT / "characters"}"\n')
        command = [sys.executable, str(ROOT / "main.py"), "--config", str(config), "run", "--port", "0"]
        begun = time.perf_counter()
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        ) as program:
            try:
                page, model = _watch(program, begun, limit)
                time.sleep(5)
                return Footprint(page, model, _memory(program.pid))
            finally:
                program.terminate()
                program.wait(30)


def _watch(program: "subprocess.Popen[str]", begun: float, limit: float) -> tuple[float, float]:
    page = 0.0
    assert program.stdout
    for line in program.stdout:
        seconds = time.perf_counter() - begun
        if "http://" in line:
            page = seconds
        if re.match(r"Model ready", line):
            return page, seconds
        if seconds > limit:
            break
    raise RuntimeError("the program did not come up; try `python main.py doctor --deep`")


def _memory(pid: int) -> float:
    top = psutil.Process(pid)
    used: int = sum(p.memory_full_info().uss for p in (top, *top.children(recursive=True)))
    return used / 1e6
