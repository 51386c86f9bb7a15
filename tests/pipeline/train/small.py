"""A tiny model of random weights that reads the embedded model's tokens."""

from typing import Any

from pipeline.train.base import Base, adapted
from pipeline.train.recipe import Recipe

VOCABULARY = 49_152


def model(seed: int = 0) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    whole: Any = LlamaConfig
    return LlamaForCausalLM(
        whole(
            vocab_size=VOCABULARY,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=4_096,
            initializer_range=0.3,
            tie_word_embeddings=True,
            attn_implementation="sdpa",
        )
    )


def load(recipe: Recipe) -> Base:
    return adapted(model(), recipe)
