"""The agent: (character, dialogue, pictures) -> a reply, streamed."""

import logging
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from agent.backends.base import Backend, Done, Finish, Piece, Priority, Request, Sampling
from agent.errors import BackendError
from agent.prompt.ask import Ask, Prompt
from agent.prompt.build import build
from agent.settings import AgentSettings
from agent.speech import Speech, whole_sentences
from agent.unfit.check import Check
from agent.unfit.line import line

log = logging.getLogger(__name__)

TRIES = 3  # a reply of nothing, or one that may not be shown, is asked for again with another seed
NOTHING, UNFIT = "says nothing", "unfit"


@dataclass(frozen=True, slots=True)
class Facts:
    """How a reply came about; the journal keeps it. Times in milliseconds, cost of all tries in US dollars, `finish`
    one of `stop`, `limit` (cut after a whole sentence), `speaker` (it began to speak for another), `unfit` (cut before
    what may not be shown), `line` (no try was fit: a line of the card's). `refused`: why the tries before were not
    shown, with semicolons between."""

    template_version: str
    prompt_hash: str
    model: str
    adapter: str
    seed: int | None
    prompt_tokens: int
    reply_tokens: int
    cached_tokens: int
    first_token_ms: float
    total_ms: float
    cost: float
    finish: str
    dropped_turns: int
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    facts: Facts


class Agent:
    """Speaks for any character through one backend."""

    def __init__(self, backend: Backend, settings: AgentSettings) -> None:
        self.backend, self.settings = backend, settings
        self.template = ""  # of the newest prompt

    async def reply(
        self, ask: Ask, *, priority: Priority = Priority.PERSON, seed: int | None = None, adapter: str = ""
    ) -> AsyncGenerator[str | Reply, None]:
        """Yields the whole text so far whenever more may be shown, then one Reply.

        `seed` goes before the one in the settings; without either, each reply draws its own. Closing the
        iterator stops the generation. Raises BackendError, PromptError or Busy.
        """
        begun = time.perf_counter()
        able = await self.backend.abilities()
        sampling = self.settings.sampling
        budget = able.context - sampling.max_tokens
        pinned = sampling.seed if seed is None else seed
        refused: list[str] = []
        cost = 0.0
        last: Reply | None = None
        for attempt in range(TRIES):
            # Another seed for each try: the same one would give the same again.
            chosen = random.getrandbits(31) if pinned is None else pinned + attempt
            prompt = await build(
                ask,
                self.settings.prompt,
                sees=able.sees,
                budget=budget,
                count=self.backend.count,
                seed=chosen,
                weights=able.weights,
            )
            self.template = prompt.template
            request = Request(
                messages=prompt.messages,
                sampling=replace(Sampling(**sampling.model_dump()), seed=chosen),
                priority=priority,
                adapter=adapter or None,
                cache_key=prompt.cache_key,
            )
            async with aclosing(self._run(prompt, request, begun, Check(ask, prompt))) as steps:
                async for step in steps:
                    if isinstance(step, str):
                        yield step
                        continue
                    last, why = step
                    cost += last.facts.cost
                    if last.text:
                        facts = replace(last.facts, cost=cost, refused="; ".join(refused))
                        yield replace(last, facts=facts)
                        return
                    refused.append(why)
            log.warning(
                "%s: a reply that %s (try %d of %d)", self.backend.model, refused[-1], attempt + 1, TRIES
            )
        if last is None or set(refused) == {NOTHING}:
            raise self._silent(ask, used_up=last is not None and last.facts.finish == Finish.LIMIT)
        facts = replace(last.facts, finish="line", cost=cost, refused="; ".join(refused))
        yield Reply(line(ask.character, facts.seed or 0), facts)

    def _silent(self, ask: Ask, *, used_up: bool) -> BackendError:
        """`used_up`: no word was said, and still the bound on them was reached: that is what thinking does."""
        mend = "try again; if it stays so, the model's chat template may not fit it (`models show`)"
        if used_up:
            mend = "its thinking may use up all tokens: raise max_tokens in [agent.sampling]"
        return BackendError(
            f"{self.backend.model} answered with nothing, {TRIES} times",
            where=f"character {ask.character.id}",
            mend=mend,
        )

    async def _run(
        self, prompt: Prompt, request: Request, begun: float, check: Check
    ) -> AsyncGenerator[str | tuple[Reply, str], None]:
        """One try: texts to show, then its Reply and, where that is empty, why."""
        speech = Speech([prompt.own, *prompt.called], prompt.others)
        raw, shown, finish, first, why = "", "", "", 0.0, NOTHING
        done: Done | None = None
        pieces = 0
        async with aclosing(self.backend.generate(request)) as stream:  # type: ignore[type-var]
            async for event in stream:
                if isinstance(event, Done):
                    done, finish = event, event.finish.value
                    break
                pieces += 1
                first = first or time.perf_counter()
                raw += event.text
                heard = speech.hear(raw)
                judged = check.of(heard.text)
                fit = heard.text[: judged.upto].rstrip()
                if len(fit) > len(shown):  # what was shown is not taken back for a word that is held
                    shown = fit
                    yield shown
                if judged.reason or heard.ended:
                    finish = UNFIT if judged.reason else "speaker"
                    break
        text = speech.hear(raw, final=True).text
        if (judged := check.of(text, final=True)).reason:
            finish, why, text = UNFIT, judged.reason, _whole(text[: judged.upto])
        elif finish == Finish.LIMIT:
            text = whole_sentences(text)
        now = time.perf_counter()
        reply = Reply(
            text,
            Facts(
                template_version=prompt.template,
                prompt_hash=prompt.hash,
                model=done.model if done else self.backend.model,
                adapter=request.adapter or "",
                seed=done.seed if done else request.sampling.seed,
                # A stream that we closed reports no counts; its pieces are the closest to tokens there is.
                prompt_tokens=done.prompt_tokens if done else await self.backend.count(prompt.messages),
                reply_tokens=done.reply_tokens if done else pieces,
                cached_tokens=done.cached_tokens if done else 0,
                first_token_ms=(first - begun) * 1000 if first else 0.0,
                total_ms=(now - begun) * 1000,
                cost=done.cost if done else 0.0,
                finish=finish,
                dropped_turns=prompt.dropped,
            ),
        )
        yield reply, why


def _whole(text: str) -> str:
    """The whole sentences that stand before what is not fit; nothing where there is none."""
    cut = whole_sentences(text)
    return cut if text.startswith(cut) else ""


__all__ = ["Agent", "Ask", "Facts", "Piece", "Reply"]
