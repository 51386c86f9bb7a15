"""llama.cpp and torch in one process."""

import subprocess
import sys

import pytest

from pipeline.apart import apart

BOTH = """
import torch
from agent.engine.embedded import embedded_path
from pipeline.export.likelihood import by_llama
from pipeline.train.rows import Row

row = Row("a", "a", "a", tuple(range(100, 180)), (5, 6, 7))
told = []
for _ in range(2):
    told.append(by_llama(embedded_path(), None, [row])[0].logs.sum())
    a = torch.ones(512, 512, dtype=torch.bfloat16, requires_grad=True)
    (a @ a).sum().backward()
assert told[0] == told[1], told
"""


@pytest.mark.model
def test_llama_goes_on_after_torch_has_used_the_tiles() -> None:
    """In a process of its own: where it goes wrong, the process dies (on CPUs with AMX)."""
    done = subprocess.run([sys.executable, "-c", BOTH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]


def test_what_fails_apart_fails_here() -> None:
    assert apart(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        apart(lambda: 1 // 0)
