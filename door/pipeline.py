"""`pipeline ...`: what learns and what measures."""

import os

import click

from door.pipeline_measure import measure, pairs, pairs_result
from door.pipeline_train import export, train


@click.group()
def pipeline() -> None:
    """Teach the embedded model to speak in voice, and measure whether it does.

    \b
    python main.py pipeline train --to data/train/one --minutes 60
    python main.py pipeline export data/train/one --to data/train/one.gguf
    python main.py pipeline measure --to data/measured --adapter data/train/one.gguf
    Then name that file as `adapter` under [agent.llama] in config.toml.
    """
    os.environ.setdefault(
        "OMP_WAIT_POLICY", "passive"
    )  # spinning threads starve each other on a busy machine


for command in (train, export, measure, pairs, pairs_result):
    pipeline.add_command(command)
