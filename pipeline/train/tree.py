"""Answers with a common beginning, in one pass.

Prompts of one character begin with the same instruction and profile, and several answers to the same words share the
whole prompt. Here each token of a common beginning stands once: the sequences form a tree, a token sees those above it
and nothing else, and its position is its depth. What the model says of every answer, and the gradient, is what it would
say of each sequence alone (tests/pipeline/train/test_tree.py).
"""

from collections.abc import Sequence
from typing import Any


class Tree:
    """`at`, `labels` and `weights` side by side: the node from which each token of an answer is told, that token, and
    what it weighs."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.parents: list[int] = []
        self.at: list[int] = []
        self.labels: list[int] = []
        self.weights: list[float] = []
        self.answers = 0
        self._children: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def growth(self, prompt: Sequence[int], answer: Sequence[int]) -> int:
        """How many nodes this sequence would bring."""
        node, known = -1, 0
        for token in (*prompt, *answer[:-1]):
            if (node, token) not in self._children:
                break
            node, known = self._children[node, token], known + 1
        return len(prompt) + len(answer) - 1 - known

    def add(self, prompt: Sequence[int], answer: Sequence[int], weight: float = 1.0) -> None:
        """Neither may be empty. The answer's last token is only told, never read on from."""
        node = -1
        for token in prompt:
            node = self._child(node, token)
        for number, token in enumerate(answer):
            self.at.append(node)
            self.labels.append(token)
            self.weights.append(weight)
            if number < len(answer) - 1:
                node = self._child(node, token)
        self.answers += 1

    def _child(self, node: int, token: int) -> int:
        if (node, token) not in self._children:
            self._children[node, token] = len(self.ids)
            self.ids.append(token)
            self.parents.append(node)
        return self._children[node, token]

    @property
    def weight(self) -> float:
        return sum(self.weights)

    def inputs(self) -> dict[str, Any]:
        """What a model of transformers takes: `input_ids` and positions of shape (1, nodes), a mask of shape
        (1, 1, nodes, nodes), true where a node sees another; `logits_to_keep` are the nodes of `at`."""
        import numpy as np
        import torch

        told: dict[str, Any] = {
            "input_ids": torch.tensor([self.ids]),
            "logits_to_keep": torch.tensor(self.at),
        }
        sees = np.eye(len(self.ids), dtype=bool)
        depth = np.zeros(len(self.ids), dtype=np.int64)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                sees[node] |= sees[parent]
                depth[node] = depth[parent] + 1
        told["attention_mask"] = torch.from_numpy(sees)[None, None]
        told["position_ids"] = torch.from_numpy(depth)[None]
        return told
