"""Pictures in prompts, through llama.cpp's multimodal library (mtmd). Lives in the worker only."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.engine.gguf import check_header
from agent.engine.model import Model
from agent.errors import BackendError, BackendRefused

MOST_TOKENS = 1024  # of one picture, where the model takes any size


@dataclass(frozen=True)
class Patch:
    """A picture, or a slice of one, between the tokens of a prompt. `tokens` fill the context, `positions`
    count on (they differ under M-RoPE). Equal patches have equal pixels.
    """

    id: str
    tokens: int
    positions: int
    chunk: Any = field(compare=False, repr=False)


Unit = int | Patch


class Sight:
    """Raises BackendError where the projector does not load or does not fit the model."""

    def __init__(self, model: Model, mmproj: str) -> None:
        import llama_cpp as ll
        import llama_cpp.mtmd_cpp as mt

        self._ll, self._mt, self._model = ll, mt, model
        check_header(Path(mmproj))
        params = mt.mtmd_context_params_default()
        params.print_timings = False
        params.n_threads = model.threads
        params.image_max_tokens = MOST_TOKENS
        if not ll.llama_supports_gpu_offload():
            params.flash_attn_type = ll.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self._ctx = mt.mtmd_init_from_file(mmproj.encode(), model.raw, params)
        if not self._ctx or not mt.mtmd_support_vision(self._ctx):
            raise BackendError(
                "this projector does not fit the model, or does not see",
                where=mmproj,
                mend="take model and mmproj from the same repository",
            )
        self.marker: str = mt.mtmd_default_marker().decode()

    def units(self, text: str, pictures: Sequence[tuple[str, str]]) -> "Units":
        """Tokens and patches of a prompt with one marker for each picture (SHA-256, path). Close them."""
        mt = self._mt
        bitmaps: list[Any] = []
        chunks = mt.mtmd_input_chunks_init()
        try:
            bitmaps += [self._bitmap(sha, path) for sha, path in pictures]
            data = text.encode("utf-8", "replace")
            bos = self._model.text(self._ll.llama_vocab_bos(self._model.vocab))
            given = mt.mtmd_input_text()
            given.text, given.text_len = data, len(data)
            given.add_special, given.parse_special = not (bos and text.startswith(bos)), True
            array = (mt.mtmd_bitmap_p_ctypes * len(bitmaps))(*bitmaps)
            code = mt.mtmd_tokenize(self._ctx, chunks, ctypes.byref(given), array, len(bitmaps))
            if code:
                raise BackendRefused(f"the pictures cannot be prepared for the model (code {code})")
            return Units(mt, chunks)
        except BaseException:
            mt.mtmd_input_chunks_free(chunks)
            raise
        finally:
            for bitmap in bitmaps:
                mt.mtmd_bitmap_free(bitmap)

    def _bitmap(self, sha256: str, path: str) -> Any:
        mt = self._mt
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise BackendRefused(f"the picture cannot be read ({error.strerror})", where=path) from error
        buffer = (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
        bitmap = mt.mtmd_helper_bitmap_init_from_buf(self._ctx, buffer, len(data), False)
        if not bitmap:
            raise BackendRefused("the picture cannot be decoded", where=path)
        mt.mtmd_bitmap_set_id(bitmap, sha256.encode())
        return bitmap

    def look(self, patch: Patch, position: int) -> None:
        """Encodes a patch and puts it into the context at `position`. Blocking: seconds on a CPU."""
        after = self._ll.llama_pos(0)
        code = self._mt.mtmd_helper_eval_chunk_single(
            self._ctx,
            self._model.ctx,
            patch.chunk,
            position,
            0,
            self._model.n_batch,
            False,
            ctypes.byref(after),
        )
        if code or after.value != position + patch.positions:
            self._model.clear()
            raise BackendError(f"the picture could not be evaluated (code {code})")


class Units(list[Unit]):
    """A prompt. Patches point into memory of mtmd that `close` frees."""

    def __init__(self, mt: Any, chunks: Any) -> None:
        super().__init__()
        self._mt, self._chunks = mt, chunks
        for i in range(mt.mtmd_input_chunks_size(chunks)):
            chunk = mt.mtmd_input_chunks_get(chunks, i)
            if mt.mtmd_input_chunk_get_type(chunk) == mt.MTMD_INPUT_CHUNK_TYPE_TEXT:
                count = ctypes.c_size_t()
                tokens = mt.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
                self.extend(tokens[: count.value] if count.value else ())
            else:
                name = (mt.mtmd_input_chunk_get_id(chunk) or b"").decode("utf-8", "replace")
                sizes = mt.mtmd_input_chunk_get_n_tokens(chunk), mt.mtmd_input_chunk_get_n_pos(chunk)
                self.append(Patch(f"{name}:{i}", int(sizes[0]), int(sizes[1]), chunk))

    def close(self) -> None:
        self._mt.mtmd_input_chunks_free(self._chunks)
        self._chunks = None
