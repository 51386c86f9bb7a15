"""The same numbers sooner: an adapter's product in one step, and layers compiled where this machine can.

Half of the time of a pass on a CPU with AMX goes to small steps between the matrix products. torch.compile joins them:
1.9 times the tokens a second, for half a minute once (docs/performance.md).
"""

import logging
import shutil
from types import MethodType
from typing import Any

log = logging.getLogger(__name__)
PAYS_FROM = 200_000  # tokens: fewer are done before the compiler is
COMPILERS = ("g++", "c++", "clang++")


def lean(model: Any) -> None:
    """An adapted linear layer as PEFT computes it, with fewer steps: no dropout, one adapter, never merged."""
    from peft.tuners.lora.layer import Linear

    for part in model.modules():
        if isinstance(part, Linear):
            setattr(part, "forward", MethodType(_forward, part))  # noqa: B010 - a method, as mypy sees it


def _forward(layer: Any, x: Any, *_: Any, **__: Any) -> Any:
    import torch
    from torch.nn.functional import linear

    said = layer.base_layer(x)
    inner = linear(x, layer.lora_A["default"].weight)
    up = layer.lora_B["default"].weight.t().to(inner.dtype)
    added = torch.addmm(said.flatten(0, -2), inner.flatten(0, -2), up, alpha=layer.scaling["default"])
    return added.view_as(said)


def pays(tokens: int) -> bool:
    """Whether to compile for so many tokens, here."""
    return tokens >= PAYS_FROM and any(map(shutil.which, COMPILERS))


def compiled(model: Any) -> None:
    """The layers, for passes of any length. The work is done at the first pass, which raises where it cannot be."""
    for layer in layers(model):
        layer.compile(dynamic=True)


def plain_again(model: Any) -> None:
    """As if they had never been compiled."""
    for layer in layers(model):
        layer._compiled_call_impl = None


def layers(model: Any) -> Any:
    return model.get_base_model().model.layers
