"""Answers with a common beginning, read together, are worth what they are worth alone."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.train.plan import packed
from pipeline.train.recipe import Recipe
from pipeline.train.rows import Row
from pipeline.train.tree import Tree
from tests.pipeline.train import small

SOME = [
    ((5, 6, 7, 8), (9, 10, 3), 1.0),
    ((5, 6, 7, 8), (9, 11, 12, 3), 0.5),
    ((5, 6, 9), (10, 3), 1.0),
    ((5, 6, 7, 8, 9, 10, 3, 4), (10, 3), 1.0),
    ((13,), (3,), 2.0),
]


def test_losses_and_gradients_are_those_of_each_alone(tmp_path: Path) -> None:
    """Against the same adapter as PEFT itself computes it, each answer alone, with a causal mask and full logits."""
    import torch
    from peft.tuners.lora.layer import Linear

    base = small.load(Recipe(tmp_path, tmp_path, rank=4, number="float32"))
    for number, weight in enumerate(base.learns().values()):
        torch.nn.init.normal_(weight, std=0.3, generator=torch.Generator().manual_seed(number))
    tree = Tree()
    for prompt, answer, weight in SOME:
        tree.add(prompt, answer, weight)
    assert len(tree) < sum(len(p) + len(a) - 1 for p, a, _ in SOME)
    together = base.loss(tree)
    together.backward()
    found = {name: weight.grad.clone() for name, weight in base.learns().items()}
    base.model.zero_grad()
    for part in base.model.modules():
        if isinstance(part, Linear):
            del part.forward  # PEFT's own again
    alone = 0.0
    for prompt, answer, weight in SOME:
        ids = torch.tensor([[*prompt, *answer]])
        logits = base.model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
        loss: Any = weight * torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="sum")
        loss.backward()
        alone += loss.item()
    assert together.item() == pytest.approx(alone, rel=1e-5)
    assert all(w.grad is not None and w.grad.abs().max() > 1e-4 for w in base.learns().values())
    for name, weight in base.learns().items():
        torch.testing.assert_close(found[name], weight.grad, rtol=1e-4, atol=1e-5)


Words = st.lists(st.integers(0, 3), min_size=1, max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(Words, Words), min_size=1, max_size=6))
def test_every_path_from_the_root_is_what_was_added(rows: list[tuple[list[int], list[int]]]) -> None:
    tree = Tree()
    for prompt, answer in rows:
        before = len(tree)
        growth = tree.growth(prompt, answer)
        tree.add(prompt, answer)
        assert len(tree) == before + growth
    told = []
    for at, label in zip(tree.at, tree.labels, strict=True):
        path = [label]
        while at >= 0:
            path.insert(0, tree.ids[at])
            at = tree.parents[at]
        told.append(path)
    assert told == [[*p, *a[: n + 1]] for p, a in rows for n in range(len(a))]


def test_packs_hold_one_character_and_stay_within_their_bound() -> None:
    rows = [Row(f"{who}{n}", who, who, (1, 2, ord(who), n), (7, n, 3)) for who in "ab" for n in range(9)]
    packs = packed(rows, 14)
    assert [row for pack in packs for row in pack.rows] == rows
    assert max(pack.tokens for pack in packs) <= 14
    assert all(len({row.character for row in pack.rows}) == 1 for pack in packs)
    assert all(pack.tokens == len(pack.tree()) for pack in packs)
    (long,) = packed([Row("x", "x", "a", (1,) * 40, (2, 3))], 14)
    assert long.tokens == 41
