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

log = logging.getLogger(__name__)

EMPTY_TRIES = 3  # a reply of nothing is asked for again, with another seed


@dataclass(frozen=True, slots=True)
class Facts:
    """How a reply came about; the journal keeps it. Times in milliseconds, cost in US dollars, `finish` one
    of `stop`, `limit` (cut after a whole sentence), `speaker` (it began to speak for another)."""

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
        for attempt in range(EMPTY_TRIES):
            # Another seed for each try: the same one would give the same nothing.
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
            async with aclosing(self._run(prompt, request, begun)) as steps:
                async for step in steps:
                    if isinstance(step, str) or step.text:
                        yield step
                    if isinstance(step, Reply) and step.text:
                        return
            log.warning(
                "%s answered with nothing (try %d of %d)", self.backend.model, attempt + 1, EMPTY_TRIES
            )
        raise BackendError(
            f"{self.backend.model} answered with nothing, {EMPTY_TRIES} times",
            where=f"character {ask.character.id}",
            mend="try again; if it stays so, the model's chat template may not fit it (`models show`)",
        )

    async def _run(self, prompt: Prompt, request: Request, begun: float) -> AsyncGenerator[str | Reply, None]:
        speech = Speech([prompt.own, *prompt.called], prompt.others)
        raw, shown, finish, first = "", "", "", 0.0
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
                if heard.text != shown:
                    shown = heard.text
                    yield shown
                if heard.ended:
                    finish = "speaker"
                    break
        text = speech.hear(raw, final=True).text
        if finish == Finish.LIMIT:
            text = whole_sentences(text)
        now = time.perf_counter()
        yield Reply(
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


__all__ = ["Agent", "Ask", "Facts", "Piece", "Reply"]
