"""A PEFT adapter as llama.cpp reads it: GGUF with `general.type` adapter, two tensors for each weight that it changes
(names and shapes as llama.cpp's convert_lora_to_gguf.py writes them)."""

import re
from pathlib import Path
from typing import Any

from agent.backends.store import read_json
from agent.errors import DataError
from pipeline.train import gguf as llama
from pipeline.train.gguf import ARCHITECTURE

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
ELSEWHERE = "llama.cpp's convert_lora_to_gguf.py knows more kinds"
PLAIN = "train one with `pipeline train`"
_NAME = re.compile(r"(?:^|\.)(layers\.\d+\..+)\.lora_(A|B)\.weight$")


def write(trained: Path, base: Path, path: Path) -> Path:
    """`trained` is PEFT's folder, `base` the GGUF file that the adapter goes upon: a llama. In 16 bits.

    Raises DataError for an adapter that is not plain LoRA on linear layers, or that does not fit the base."""
    import gguf
    import numpy as np

    scale = _alpha(trained)
    reader = llama.reader(base)
    shapes = {tensor.name: tuple(map(int, tensor.shape)) for tensor in reader.tensors}  # (in, out)
    heads = llama.heads(reader)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}")
    writer = gguf.GGUFWriter(fresh, ARCHITECTURE)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", scale)
    for name, (down, up) in _pairs(trained, gguf, len(shapes)).items():
        if shapes.get(name) != (down.shape[1], up.shape[0]) or down.shape[0] != up.shape[1]:
            raise DataError(
                f"{name} has another shape in its base",
                where=str(trained),
                mend="name the base it was trained on",
            )
        for part, count in heads.items():
            if f".{part}." in name:
                up = llama.permuted(up, count)
        writer.add_tensor(f"{name}.lora_a", np.ascontiguousarray(down, np.float16))
        writer.add_tensor(f"{name}.lora_b", np.ascontiguousarray(up, np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    fresh.rename(path)
    return path


def _alpha(trained: Path) -> float:
    try:
        told = read_json(trained / CONFIG)
    except (OSError, ValueError) as error:
        raise DataError(f"it cannot be read: {error}", where=str(trained / CONFIG)) from error
    if told is None:
        raise DataError(
            "this folder holds no adapter", where=str(trained), mend=f"name one with {CONFIG} in it"
        )
    odd = [name for name in ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern", "modules_to_save")
           if told.get(name)]  # fmt: skip
    if told.get("peft_type") != "LORA" or told.get("bias", "none") != "none" or odd:
        raise DataError(
            f"this is no plain LoRA adapter ({', '.join(odd) or told.get('peft_type')})", where=str(trained),
            mend=PLAIN,
        )  # fmt: skip
    return float(told["lora_alpha"])


def _pairs(trained: Path, gguf: Any, tensors: int) -> dict[str, tuple[Any, Any]]:
    """(A of shape (rank, in), B of shape (out, rank)) by the name that GGUF gives the weight."""
    from safetensors.numpy import load_file

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, tensors)
    found: dict[str, dict[str, Any]] = {}
    for name, weight in load_file(trained / WEIGHTS).items():
        told = _NAME.search(name)
        called = told and names.get_name(f"model.{told[1]}")
        if not told or not called:
            raise DataError(f"{name} is no weight of a {ARCHITECTURE}", where=str(trained), mend=ELSEWHERE)
        found.setdefault(f"{called}.weight", {})[told[2]] = weight
    return {name: (pair["A"], pair["B"]) for name, pair in sorted(found.items())}
