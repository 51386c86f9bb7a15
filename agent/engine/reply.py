"""From messages to a reply: one request at a time, with the evaluated prompt kept for the next.

Reproducible by construction: a prompt is always evaluated in the same aligned batches, and only whole
batches are reused from the cache, so that a cache hit cannot change an answer by a rounding error.
"""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from agent.engine.frames import Frame
from agent.engine.grammar import GrammarError
from agent.engine.model import Aborted, Model, Options
from agent.engine.sampler import Sampler
from agent.engine.sight import Patch, Sight, Unit
from agent.engine.template import ChatTemplate, TemplateError
from agent.engine.text import TextGate
from agent.errors import BackendError, BackendRefused, PromptError

CHUNK = 64  # tokens evaluated at once: small enough to be cancelled soon, large enough to be fast on a CPU
WIDE = 512  # the same where a GPU helps
Emit = Callable[[Frame], None]


class Engine:
    """A loaded model that answers. `count` may be called from another thread than `reply`."""

    def __init__(self, options: Options, progress: Callable[[], None]) -> None:
        import llama_cpp as ll

        self.model = Model(options, progress)
        self._chunk = min(WIDE if ll.llama_supports_gpu_offload() else CHUNK, self.model.n_batch)
        self._sight = Sight(self.model, options.mmproj) if options.mmproj else None
        bos, eos = ll.llama_vocab_bos(self.model.vocab), ll.llama_vocab_eos(self.model.vocab)
        try:
            self._template = ChatTemplate(
                self.model.template(), bos=self.model.text(bos), eos=self.model.text(eos)
            )
        except TemplateError as error:
            raise BackendError(
                str(error), where=options.path, mend="choose a GGUF with a working chat template"
            ) from error
        self._control = self._pattern()
        self._cached: list[Unit] = []
        self._adapter = ""

    def facts(self) -> Frame:
        """What is known once loaded."""
        model = self.model
        return {
            "context": model.n_ctx,
            "sees": self._sight is not None,
            "threads": model.threads,
            "weights": model.weights,
            "template": bool(model.template()),
            "prompt_end": self._template.end(),
        }

    def _pattern(self) -> re.Pattern[str] | None:
        words = [w for w in self.model.controls() if w.strip()]
        if self._sight:
            words += [self._sight.marker]
        if not words:
            return None
        return re.compile("|".join(re.escape(w) for w in sorted(words, key=len, reverse=True)))

    def plain(self, text: str) -> str:
        """Text in which nothing is a control token: nobody can end a turn, or begin one, by typing it."""
        if self._control is None:
            return text
        for _ in range(8):  # a gap made in one may complete another
            text, changed = self._control.subn(lambda m: f"{m[0][0]} {m[0][1:]}", text)
            if not changed:
                break
        return text

    def rendered(self, messages: Sequence[Frame]) -> tuple[str, list[tuple[str, str]]]:
        """The prompt's text by the model's template, a marker for each picture; their hashes and paths."""
        said, pictures = [], []
        for message in messages:
            words = ""
            for part in message["parts"]:
                if isinstance(part, str):
                    words += self.plain(part)
                else:
                    pictures.append((str(part["sha256"]), str(part["path"])))
                    words += self._marker()
            said.append((str(message["role"]), words))
        try:
            return self._template.render(said), pictures
        except TemplateError as error:
            raise BackendRefused(str(error), mend="choose a model whose template suits chats") from error

    def end_of_turn(self) -> str:
        """What the template writes after an assistant's words: the token, as text, that ends a reply; empty where it
        writes none. (What the vocabulary calls end of turn may be another token.)"""
        talk = [{"role": r, "parts": [w]} for r, w in (("user", "a"), ("assistant", "PROBE"), ("user", "b"))]
        after = self.rendered(talk)[0].partition("PROBE")[2]
        found = self._control.search(after) if self._control else None
        ends = found and self.model.ends(self.model.tokenise(found[0])[-1])
        return found[0] if found and ends else ""

    @contextlib.contextmanager
    def prompt(self, messages: Sequence[Frame]) -> Iterator[Sequence[Unit]]:
        """Tokens and patches of these messages, template included."""
        text, pictures = self.rendered(messages)
        if self._sight is None or not pictures:
            yield self.model.tokenise(text)
            return
        units = self._sight.units(text, pictures)
        try:
            yield units
        finally:
            units.close()

    def _marker(self) -> str:
        if self._sight is None:
            raise BackendRefused(
                "this model cannot see pictures", mend="give it a note, or set `mmproj` under [agent.llama]"
            )
        return self._sight.marker

    def count(self, messages: Sequence[Frame]) -> int:
        with self.prompt(messages) as units:
            return _tokens(units)

    def reply(self, request: Frame, emit: Emit, cancelled: Callable[[], bool]) -> Frame:
        """Makes one reply, emitting `text` frames; returns the closing counts. Stops within one token of
        `cancelled()` turning true (finish is then "cancelled").
        """
        with self.prompt(request["messages"]) as units:
            total = _tokens(units)
            if total >= self.model.n_ctx:
                raise PromptError(
                    f"the prompt has {total} tokens, the model's context holds {self.model.n_ctx}",
                    mend="shorten the profile or the words, or raise `context` under [agent.llama]",
                )
            try:
                sampler = Sampler(self.model, request["sampling"], request.get("grammar"))
            except GrammarError as error:
                raise BackendRefused(str(error), mend="simplify the JSON schema") from error
            try:
                self._adapt(request.get("adapter") or "")
                reused = self._evaluate(units, emit, cancelled)
                end = self._draw(units, sampler, request["sampling"], emit, cancelled)
            except Aborted:
                self._cached, reused, end = [], 0, {"finish": "cancelled", "reply_tokens": 0}
            finally:
                sampler.close()
            return {"prompt_tokens": total, "cached_tokens": reused, **end}

    def _adapt(self, adapter: str) -> None:
        """A state computed under one adapter means nothing under another."""
        if adapter != self._adapter:
            self._cached, self._adapter = [], "\0unknown"
            self.model.clear()
            self.model.adapt(adapter)
            self._adapter = adapter

    def _evaluate(self, units: Sequence[Unit], emit: Emit, cancelled: Callable[[], bool]) -> int:
        """Brings the whole prompt into the context; the number of tokens that were there already."""
        plan = batches(units, self._chunk)
        same = min(shared(self._cached, units), len(units) - 1)
        first = next(i for i, (_, end) in enumerate(plan) if end > same)
        kept = units[: plan[first][0]]
        if not self.model.forget_from(_positions(kept)):
            self.model.clear()
            first, kept = 0, units[:0]
        self._cached = list(kept)
        for start, end in plan[first:]:
            if cancelled():
                raise Aborted
            self._evaluate_batch(units[start:end], _positions(units[:start]), cancelled)
            self._cached = list(units[:end])
            emit({"progress": end})
        return _tokens(kept)

    def _evaluate_batch(self, part: Sequence[Unit], position: int, cancelled: Callable[[], bool]) -> None:
        try:
            if isinstance(part[0], Patch):
                assert self._sight is not None
                self._sight.look(part[0], position)
            else:
                self.model.decode([u for u in part if isinstance(u, int)], position, cancelled)
        except BackendError:
            self._cached = []
            raise

    def _draw(
        self,
        units: Sequence[Unit],
        sampler: Sampler,
        sampling: dict[str, Any],
        emit: Emit,
        cancelled: Callable[[], bool],
    ) -> Frame:
        gate = TextGate(sampling["stop"])
        position, room, count = _positions(units), self.model.n_ctx - _tokens(units), 0
        finish = "limit"
        while count < min(sampling["max_tokens"], room):
            if cancelled():
                finish = "cancelled"
                break
            token = sampler.draw()
            if self.model.ends(token):
                finish = "stop"
                break
            count += 1
            text = gate.feed(self.model.piece(token))
            emit({"text": text} if text else {"progress": count})
            if gate.stopped:
                finish = "stop"
                break
            if count < min(sampling["max_tokens"], room):
                self.model.decode([token], position)
                position += 1
        if text := gate.end(cut=finish != "stop"):
            emit({"text": text})
        return {"finish": finish, "reply_tokens": count}


def batches(units: Sequence[Unit], size: int) -> list[tuple[int, int]]:
    """How a prompt is cut: each patch alone, the tokens between them by `size` from the last cut on."""
    plan: list[tuple[int, int]] = []
    start = 0
    for i, unit in enumerate(units):
        if isinstance(unit, Patch):
            if i > start:
                plan.append((start, i))
            plan.append((i, i + 1))
            start = i + 1
        elif i + 1 - start == size:
            plan.append((start, i + 1))
            start = i + 1
    if start < len(units):
        plan.append((start, len(units)))
    return plan


def shared(old: Sequence[Unit], new: Sequence[Unit]) -> int:
    """Length of the common head."""
    for i, (a, b) in enumerate(zip(old, new, strict=False)):
        if a != b:
            return i
    return min(len(old), len(new))


def _tokens(units: Sequence[Unit]) -> int:
    return sum(u.tokens if isinstance(u, Patch) else 1 for u in units)


def _positions(units: Sequence[Unit]) -> int:
    return sum(u.positions if isinstance(u, Patch) else 1 for u in units)
