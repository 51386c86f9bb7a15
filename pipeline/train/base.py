"""The model that is trained: read from its GGUF file, with a LoRA adapter of PEFT's upon it."""

import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, cast

from agent.errors import ConfigError
from pipeline.train import gguf
from pipeline.train.faster import lean
from pipeline.train.recipe import WHERE, Recipe

NEEDED = ("torch", "transformers", "peft", "accelerate", "gguf")
INSTALL = "install what training needs: pip install -c constraints.txt -e '.[transformers]'"
# What the libraries say of an adapter upon a GGUF file, and nobody can do anything about.
NOISE = ("Could not find a config file", "`is_gradient_checkpointing` is deprecated")


@dataclass(frozen=True)
class Base:
    """`model` learns in its adapter alone. `narrow`: computed in bfloat16, adapter and optimiser in float32."""

    model: Any
    narrow: bool

    def learns(self) -> dict[str, Any]:
        """The weights that learn, by name."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    def computing(self) -> AbstractContextManager[Any]:
        import torch

        return cast(AbstractContextManager[Any], torch.autocast("cpu", torch.bfloat16, enabled=self.narrow))

    def loss(self, tree: Any) -> Any:
        """The weighted negative log likelihood of a tree's answers, summed over their tokens."""
        import torch
        from torch.nn.functional import cross_entropy

        with self.computing():
            logits = self.model(**tree.inputs(), use_cache=False).logits[0].float()
        each = cross_entropy(logits, torch.tensor(tree.labels), reduction="none")
        return each @ torch.tensor(tree.weights)


def libraries() -> tuple[Any, Any]:
    """torch and transformers. Raises ConfigError where one of those that training needs is missing."""
    if lacking := [name for name in NEEDED if find_spec(name) is None]:
        raise ConfigError(f"packages are missing: {', '.join(lacking)}", where=WHERE, mend=INSTALL)
    import torch
    import transformers

    cast(Any, transformers.utils.logging).disable_progress_bar()
    for said in NOISE:
        warnings.filterwarnings("ignore", message=said)
    return torch, transformers


def narrow(number: str) -> bool:
    """auto is bfloat16 where the CPU has instructions for it: without them it is several times slower."""
    torch, _ = libraries()
    made_for_it = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return number == "bfloat16" or (number == "auto" and bool(made_for_it))


def adapted(model: Any, recipe: Recipe) -> Base:
    """With a LoRA adapter on every linear layer but the last, which is the embedding's twin."""
    torch, _ = libraries()
    import peft

    names = sorted(
        name
        for name, part in model.named_modules()
        if type(part) is torch.nn.Linear and "lm_head" not in name
    )
    small = narrow(recipe.number)
    torch.manual_seed(recipe.seed)  # an adapter begins at random
    config = peft.LoraConfig(
        r=recipe.rank, lora_alpha=2 * recipe.rank, target_modules=names, task_type="CAUSAL_LM"
    )
    model = peft.get_peft_model(model.to(torch.bfloat16) if small else model, config)
    config.base_model_name_or_path = recipe.base.name  # no path of this machine in what is saved
    model.train()
    lean(model)
    return Base(model, small)


def load(recipe: Recipe) -> Base:
    """Blocking, some seconds. Raises ConfigError, BackendError."""
    libraries()
    return adapted(gguf.model(recipe.base), recipe)
