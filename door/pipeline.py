"""`pipeline ...`: what learns and what measures."""

import click

from door.pipeline_measure import measure, pairs, pairs_result


@click.group()
def pipeline() -> None:
    """Measure base against tuned on what no training has seen."""


for command in (measure, pairs, pairs_result):
    pipeline.add_command(command)
