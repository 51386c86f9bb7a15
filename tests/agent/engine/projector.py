"""A tiny random projector for the embedded model, written as GGUF: nothing it sees makes sense, but every
pixel goes the way it goes with a real one (decode, resize, encode, into the context of the text model).

Layout: GGUF 3, architecture `clip`, a one-layer SigLIP with Gemma 3's projector (the fewest special needs).
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE, PATCH, WIDTH, TEXT = 64, 4, 32, 576  # pixels, pixels, channels, the text model's channels
TOKENS = (SIDE // PATCH // 4) ** 2  # Gemma 3 pools four by four
_ALIGN = 32
Value = bool | int | float | str | list[float]


def write(path: Path, seed: int = 0, text: int = TEXT) -> Path:
    """Writes the projector for a text model of so many channels; the same seed writes the same bytes."""
    draw = np.random.default_rng(seed)

    def random(*shape: int) -> NDArray[np.float32]:
        return draw.normal(0, 0.2, shape).astype(np.float32)

    tensors = {
        "v.patch_embd.weight": random(WIDTH, 3, PATCH, PATCH),
        "v.patch_embd.bias": random(WIDTH),
        "v.position_embd.weight": random((SIDE // PATCH) ** 2, WIDTH),
        "v.post_ln.weight": np.ones(WIDTH, np.float32),
        "v.post_ln.bias": random(WIDTH),
        "mm.input_projection.weight": random(WIDTH, text),
        "mm.soft_emb_norm.weight": np.ones(WIDTH, np.float32),
    }
    for part in ("ln1", "ln2"):
        tensors[f"v.blk.0.{part}.weight"] = np.ones(WIDTH, np.float32)
        tensors[f"v.blk.0.{part}.bias"] = random(WIDTH)
    for part in ("attn_q", "attn_k", "attn_v", "attn_out", "ffn_up", "ffn_down"):
        tensors[f"v.blk.0.{part}.weight"] = random(WIDTH, WIDTH)
        tensors[f"v.blk.0.{part}.bias"] = random(WIDTH)
    path.write_bytes(_gguf(_facts(text), tensors))
    return path


def _facts(text: int) -> dict[str, Value]:
    return {
        "general.architecture": "clip",
        "clip.has_vision_encoder": True,
        "clip.projector_type": "gemma3",
        "clip.use_gelu": True,
        "clip.vision.image_size": SIDE,
        "clip.vision.patch_size": PATCH,
        "clip.vision.embedding_length": WIDTH,
        "clip.vision.feed_forward_length": WIDTH,
        "clip.vision.projection_dim": text,
        "clip.vision.block_count": 1,
        "clip.vision.attention.head_count": 2,
        "clip.vision.attention.layer_norm_epsilon": 1e-6,
        "clip.vision.image_mean": [0.5, 0.5, 0.5],
        "clip.vision.image_std": [0.5, 0.5, 0.5],
    }


def _gguf(facts: dict[str, Value], tensors: dict[str, NDArray[np.float32]]) -> bytes:
    out = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(facts))
    for key, value in facts.items():
        out += _text(key) + _value(value)
    offset, body = 0, b""
    for name, data in tensors.items():
        dims = data.shape[::-1]  # GGUF counts the fastest axis first
        out += _text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, 0, offset)
        raw: Any = data.tobytes()
        body += raw + b"\0" * (-len(raw) % _ALIGN)
        offset = len(body)
    return out + b"\0" * (-len(out) % _ALIGN) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Value) -> bytes:
    match value:
        case bool():
            return struct.pack("<I?", 7, value)
        case int():
            return struct.pack("<II", 4, value)
        case float():
            return struct.pack("<If", 6, value)
        case str():
            return struct.pack("<I", 8) + _text(value)
        case list():
            return struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)
