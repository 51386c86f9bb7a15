"""Which answers are read together, and in which order: all of it follows from the rows, the recipe and the seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.train.recipe import Recipe
from pipeline.train.rows import Row
from pipeline.train.tree import Tree


@dataclass(frozen=True, slots=True)
class Pack:
    """Answers that are read in one pass of so many `tokens`."""

    rows: tuple[Row, ...]
    tokens: int

    def tree(self) -> Tree:
        tree = Tree()
        for row in self.rows:
            tree.add(row.prompt, row.answer, row.weight)
        return tree


Step = tuple[Pack, ...]


def packed(rows: Sequence[Row], most: int) -> list[Pack]:
    """Rows of one character that follow each other are put together up to `most` tokens; a row that is longer stands by
    itself."""
    packs: list[Pack] = []
    held: list[Row] = []
    tree = Tree()
    for row in rows:
        other = held and row.character != held[-1].character
        if held and (other or len(tree) + tree.growth(row.prompt, row.answer) > most):
            packs.append(Pack(tuple(held), len(tree)))
            held, tree = [], Tree()
        tree.add(row.prompt, row.answer)
        held.append(row)
    return [*packs, Pack(tuple(held), len(tree))] if held else packs


def shuffled(rows: Sequence[Row], chance: random.Random) -> list[Row]:
    """Characters together; within each, dialogues by chance, the turns of a dialogue in their order."""
    talks: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        talks.setdefault(row.character, {}).setdefault(row.talk, []).append(row)
    drawn: list[Row] = []
    for of_character in talks.values():
        order = list(of_character.values())
        chance.shuffle(order)
        drawn += [row for some in order for row in some]
    return drawn


def steps(rows: Sequence[Row], recipe: Recipe) -> list[Step]:
    """Of all epochs. A step takes packs of whichever characters chance brings."""
    planned: list[Step] = []
    for epoch in range(int(-(-recipe.epochs // 1))):
        chance = random.Random(f"{recipe.seed}:{epoch}")
        packs = packed(shuffled(rows, chance), recipe.packed)
        chance.shuffle(packs)
        one = _grouped(packs, recipe.batch)
        left = recipe.epochs - epoch
        planned += one if left >= 1 else one[: max(1, round(left * len(one)))]
    return planned


def _grouped(packs: Sequence[Pack], batch: int) -> list[Step]:
    """As many packs a step as make `batch` answers on average, so that steps differ little in size."""
    answers = sum(len(pack.rows) for pack in packs)
    count = min(len(packs), max(1, round(answers / batch)))
    bounds = [round(n * len(packs) / count) for n in range(count + 1)]
    return [tuple(packs[a:b]) for a, b in pairwise(bounds)]
