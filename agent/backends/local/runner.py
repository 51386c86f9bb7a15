"""The model itself, in torch: loading, adapters, and one reply at a time. Blocking; transformers.py calls it
from its one worker thread.
"""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from agent.backends.base import Finish, Request
from agent.backends.local import snapshot
from agent.backends.local.choosing import Detokenizer, Halt, processors
from agent.backends.local.prompting import Prompting
from agent.backends.text import Cleaner
from agent.errors import BackendDown, BackendRefused, PromptError

log = logging.getLogger(__name__)
INSTALL = "install what this backend needs: pip install -e .[transformers]"


@dataclass(frozen=True)
class Spoken:
    finish: Finish
    prompt_tokens: int
    reply_tokens: int


class Runner:
    """Loads in the constructor. Raises BackendDown where that fails. `context` in tokens."""

    def __init__(self, folder: Path, adapter: Path | None, device: str, context: int) -> None:
        self.torch, self._path = _torch(), folder
        config = snapshot.check(folder)
        self.sees = snapshot.has_eyes(config)
        self.device = _device(self.torch, device)
        try:
            self._model, self.prompting = self._load(folder)
        except Exception as error:  # whatever a broken folder makes the libraries raise
            log.debug("loading %s failed", folder, exc_info=True)
            raise BackendDown(
                f"the model cannot be loaded: {_short(error)}",
                where=str(folder),
                mend="see whether transformers knows this architecture without code of its own"
                " and whether the download is complete",
            ) from error
        told = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self.context = min(context, told) if isinstance(told, int) and told > 0 else context
        self.weights = int(self._model.num_parameters())
        self._ends = _ends(self._model, self.prompting.tokenizer)
        self._model.generation_config = self._generation(1)  # ours alone decides, not the folder's defaults
        self._adapters: dict[Path, str] = {}
        self._default = adapter
        self._peft: Any = None
        if adapter is not None:
            self._adapter(adapter)

    def _load(self, folder: Path) -> tuple[Any, Prompting]:
        import transformers as t

        cast(Any, t.utils.logging).disable_progress_bar()  # it would draw over the terminal's page
        safe = {"local_files_only": True, "trust_remote_code": False}
        kind = t.AutoModelForImageTextToText if self.sees else t.AutoModelForCausalLM
        dtype = "auto" if self.device.type != "cpu" else self.torch.float32
        model = kind.from_pretrained(folder, use_safetensors=True, dtype=dtype, **safe).to(self.device).eval()
        if not self.sees:
            return model, Prompting(t.AutoTokenizer.from_pretrained(folder, **safe), None)
        processor = cast(Any, t.AutoProcessor).from_pretrained(folder, backend="pil", **safe)
        return model, Prompting(processor.tokenizer, processor)

    def speak(self, request: Request, seed: int, halt: Halt, tell: Callable[[str], None]) -> Spoken:
        """Makes one reply and tells its text as it comes. Raises PromptError where prompt and one token do
        not fit, BackendDown where torch fails, BackendRefused for an adapter that cannot be had."""
        inputs = self.prompting.inputs(request.messages)
        prompt = int(inputs["input_ids"].shape[1])
        room = self.context - prompt
        if room < 1:
            raise PromptError(
                f"the prompt has {prompt} tokens, the model takes {self.context} with the reply",
                where="agent.transformers.context",
                mend="shorten the profile or the words, send fewer pictures, or use a model with a larger context",
            )
        room = min(room, request.sampling.max_tokens)
        voice = _Voice(self.prompting.tokenizer, request.sampling.stop, self._ends, halt, tell)
        try:
            self._generate(inputs, request, seed, room, halt, voice)
        except (RuntimeError, ValueError, IndexError) as error:
            raise BackendDown(
                f"torch failed: {_short(error)}",
                where=str(self.device),
                mend="if memory ran out: lower agent.transformers.context, use a smaller model or another device",
            ) from error
        return Spoken(voice.finish(), prompt, max(voice.tokens, 1))

    def _generate(
        self, inputs: Any, request: Request, seed: int, room: int, halt: Halt, voice: "_Voice"
    ) -> None:
        from transformers import StoppingCriteriaList

        model, adapter = self._chosen(request.adapter)
        with self.torch.inference_mode(), adapter:
            model.generate(
                **inputs.to(self.device),
                generation_config=self._generation(room),
                logits_processor=processors(request.sampling, seed, self.device),
                stopping_criteria=StoppingCriteriaList([halt]),
                streamer=voice,
            )

    def _generation(self, room: int) -> Any:
        from transformers import GenerationConfig

        ends = sorted(self._ends)
        pad = ends[0] if ends else 0
        return cast(Any, GenerationConfig)(
            max_new_tokens=room, do_sample=False, eos_token_id=ends or None, pad_token_id=pad
        )

    def _chosen(self, adapter: str | None) -> tuple[Any, Any]:
        """The model with the right adapter switched on, and a context that switches adapters off if need be.

        None means the configured adapter, an empty string none, anything else is an adapter's folder.
        """
        if adapter:
            return self._adapter(Path(adapter)), nullcontext()
        if adapter is None and self._default is not None:
            return self._adapter(self._default), nullcontext()
        return (
            (self._model, nullcontext()) if self._peft is None else (self._peft, self._peft.disable_adapter())
        )

    def _adapter(self, folder: Path) -> Any:
        """The model with this adapter switched on; loaded the first time. Raises BackendRefused."""
        folder = folder.expanduser().resolve()
        if folder not in self._adapters:
            try:
                snapshot.check(folder, adapter=True)
                self._load_adapter(folder)
            except Exception as error:  # whatever a broken or strange adapter makes peft raise
                log.debug("loading the adapter %s failed", folder, exc_info=True)
                if not isinstance(error, BackendDown):
                    self._renew()
                raise BackendRefused(
                    f"the adapter {folder.name!r} cannot be used: {_short(error)}",
                    where=str(folder),
                    mend="give a PEFT adapter that was trained on this very model",
                ) from error
        self._peft.set_adapter(self._adapters[folder])
        return self._peft

    def _renew(self) -> None:
        """Loads the model anew: an adapter that fails to load leaves its layers in it."""
        self._adapters, self._peft = {}, None
        self._model, self.prompting = self._load(self._path)
        self._model.generation_config = self._generation(1)

    def _load_adapter(self, folder: Path) -> None:
        import peft

        name = f"a{len(self._adapters)}"
        if self._peft is None:
            self._peft = peft.PeftModel.from_pretrained(self._model, folder, adapter_name=name)
        else:
            self._peft.load_adapter(folder, name)
        self._peft.eval()
        self._adapters[folder] = name


class _Voice:
    """What `generate` hands each token to (transformers' streamer protocol): text goes out as it is made."""

    def __init__(
        self,
        tokenizer: Any,
        stops: tuple[str, ...],
        ends: frozenset[int],
        halt: Halt,
        tell: Callable[[str], None],
    ) -> None:
        self._words, self._cleaner = Detokenizer(tokenizer), Cleaner(stops)
        self._ends, self._halt, self._tell = ends, halt, tell
        self._prompt_seen = self._ended = False
        self.tokens = 0

    def put(self, value: Any) -> None:
        if not self._prompt_seen:
            self._prompt_seen = True
            return
        for token in value.reshape(-1).tolist():
            self.tokens += 1
            self._ended = token in self._ends
            self._say(self._cleaner.feed("" if self._ended else self._words.feed(token)))
        if self._cleaner.stopped:
            self._halt.set()

    def end(self) -> None:
        """Called by `generate`; what is held back is told by `finish`."""

    def finish(self) -> Finish:
        self._say(self._cleaner.feed(self._words.finish()) + self._cleaner.finish())
        return Finish.STOP if self._ended or self._cleaner.stopped else Finish.LIMIT

    def _say(self, text: str) -> None:
        if text:
            self._tell(text)


def _torch() -> Any:
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError as error:
        raise BackendDown(
            f"a package is missing: {error.name}", where="agent.backend", mend=INSTALL
        ) from error
    return torch


def _device(torch: Any, wanted: str) -> Any:
    if wanted == "auto":
        wanted = (
            "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        )
    have = {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if wanted in have and not have[wanted]():
        raise BackendDown(
            f"torch finds no {wanted} device here",
            where="agent.transformers.device",
            mend='set it to "auto" or "cpu", or install a torch built for that device',
        )
    return torch.device(wanted)


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends a reply, by model and by tokenizer."""
    found: set[int] = set()
    for told in (model.generation_config.eos_token_id, tokenizer.eos_token_id):
        found |= {told} if isinstance(told, int) else set(told or ())
    return frozenset(found)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
