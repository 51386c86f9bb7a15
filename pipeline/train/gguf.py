"""A llama out of its GGUF file, as a model of transformers in float32.

transformers reads such files too, and takes ten times as long: it goes through the tokenizer's hundred thousand words
three times, of which nothing is wanted here (tokens come from llama.cpp).
"""

from pathlib import Path
from typing import Any, cast

from agent.errors import BackendError

ARCHITECTURE = "llama"
MEND = "name a GGUF file of a plain llama (the embedded model is one)"
# What a model may have that is not computed here: it would be left out in silence.
STRANGE = ("rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight")


def reader(path: Path) -> Any:
    """gguf's reader, without the lists in the header. Raises BackendError for what is no GGUF file of a llama."""
    import gguf
    import numpy as np

    kinds = gguf.GGUFValueType

    class Reader(gguf.GGUFReader):
        def _get_field_parts(self, orig_offs: int, raw_type: int) -> Any:
            if raw_type != kinds.ARRAY:
                return super()._get_field_parts(orig_offs, raw_type)
            kind = kinds(int(self._get(orig_offs, np.uint32)[0]))
            count, at = int(self._get(orig_offs + 4, np.uint64)[0]), orig_offs + 12
            if kind is kinds.STRING:
                data = memoryview(cast(Any, self.data))
                for _ in range(count):
                    at += 8 + int.from_bytes(data[at : at + 8], "little")
            else:
                at += count * np.dtype(self.gguf_scalar_to_np[kind]).itemsize
            return at - orig_offs, [], [], [kinds.ARRAY, kind]

    try:
        found = Reader(path)
        architecture = told(found, "general.architecture")
    except Exception as error:  # whatever a broken file makes the library raise
        raise BackendError(f"this is no GGUF file: {error!r}", where=str(path), mend=MEND) from error
    strange = [tensor.name for tensor in found.tensors if tensor.name in STRANGE]
    if architecture != ARCHITECTURE or strange:
        raise BackendError(
            f"this model cannot be trained here: {architecture} {strange}", where=str(path), mend=MEND
        )
    return found


def told(reader: Any, name: str) -> Any:
    """A value of the header. Raises KeyError."""
    return reader.fields[name].contents()


def heads(reader: Any) -> dict[str, int]:
    """How many heads the rows of these weights belong to, which llama.cpp has in another order than transformers."""
    return {
        "attn_q": int(told(reader, "llama.attention.head_count")),
        "attn_k": int(told(reader, "llama.attention.head_count_kv")),
    }


def model(path: Path) -> Any:
    """Raises BackendError for a file that holds anything else than a llama."""
    import gguf
    import torch
    from transformers import LlamaForCausalLM

    found = reader(path)
    tensors = {tensor.name: tensor for tensor in found.tensors}
    try:
        config = _config(found, tensors)
        with torch.device("meta"):
            made = LlamaForCausalLM(config)
        names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
        weights: dict[str, Any] = {}
        for name in made.state_dict():
            called = names.get_name(name, try_suffixes=(".weight",)) or ""
            if name == "lm_head.weight" and called not in tensors:
                continue  # the embedding's twin
            tensor = tensors.pop(called)
            data = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            for part, count in heads(found).items():
                data = restored(data, count) if f".{part}." in called else data
            weights[name] = torch.tensor(data, dtype=torch.float32)
        if tensors:
            raise ValueError(f"{min(tensors)} has no place in it")
        made = made.to_empty(device="cpu")
        made.load_state_dict(weights, strict=False)
    except Exception as error:  # of any kind, for a file that is not what it says
        raise BackendError(f"this llama cannot be read: {error!r}", where=str(path), mend=MEND) from error
    made.tie_weights()
    # Made on the meta device, what is computed and not stored is made anew.
    made.model.rotary_emb = type(made.model.rotary_emb)(config)
    made.train(False)
    return made


def _config(found: Any, tensors: Any) -> Any:
    from transformers import LlamaConfig

    number = {name: told(found, f"llama.{name}") for name in (
        "embedding_length", "feed_forward_length", "block_count", "attention.head_count", "attention.head_count_kv",
        "context_length", "attention.layer_norm_rms_epsilon", "rope.freq_base", "rope.dimension_count",
    )}  # fmt: skip
    whole: Any = LlamaConfig
    return whole(
        vocab_size=int(tensors["token_embd.weight"].shape[1]),
        hidden_size=number["embedding_length"],
        intermediate_size=number["feed_forward_length"],
        num_hidden_layers=number["block_count"],
        num_attention_heads=number["attention.head_count"],
        num_key_value_heads=number["attention.head_count_kv"],
        head_dim=number["rope.dimension_count"],
        max_position_embeddings=number["context_length"],
        rms_norm_eps=number["attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": number["rope.freq_base"]},
        tie_word_embeddings="output.weight" not in tensors,
        attn_implementation="sdpa",
    )


def permuted(weight: Any, heads: int) -> Any:
    """Rows in llama.cpp's order: it turns pairs of neighbouring numbers, transformers turns halves of a head."""
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def restored(weight: Any, heads: int) -> Any:
    """Rows in transformers' order again."""
    pairs = weight.reshape(heads, weight.shape[0] // heads // 2, 2, *weight.shape[1:])
    return pairs.swapaxes(1, 2).reshape(weight.shape)
