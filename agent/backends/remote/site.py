"""One endpoint of the openai backend: what it can do, what it costs, and its reply with retries."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from agent.backends.base import Abilities, Done, Finish, Message, Piece, Request, Sampling
from agent.backends.probe import UNPROVEN, Questions, Remembered, probe
from agent.backends.remote.chunks import Ended
from agent.backends.remote.estimate import PER_PICTURE, text_tokens
from agent.backends.remote.facts import Facts, ask_facts
from agent.backends.remote.failures import Again
from agent.backends.remote.server import Server
from agent.backends.remote.spend import Bill, Ledger
from agent.backends.remote.sse import Silent
from agent.backends.remote.thinks import NoRoom, Thinks
from agent.backends.remote.tokens import Counter
from agent.backends.text import Cleaner
from agent.errors import BackendDown, BackendRefused, PromptError
from agent.settings import AbilitySettings, Endpoint, OpenAISettings

log = logging.getLogger(__name__)
LONGEST_WAIT = 30.0  # seconds; a server that asks for more is left for the next one
RUNAWAY = 64  # characters a token, at which a server clearly ignores max_tokens
CUT = 12  # characters a token that no tokenizer reaches in prose
CUT_FROM = 100  # tokens: shorter prompts say nothing
Stream = AsyncGenerator[Piece | Done, None]


class Site:
    """One endpoint: its server, its prices, and what it can do."""

    def __init__(
        self,
        endpoint: Endpoint,
        key: str,
        settings: OpenAISettings,
        ledger: Ledger,
        pause: float,
        overrides: AbilitySettings,
        cache: Path,
    ) -> None:
        self._endpoint, self._settings, self._ledger, self._pause = endpoint, settings, ledger, pause
        self._overrides, self._cache = overrides, cache
        self.server = Server(endpoint, key, settings.seconds)
        self.counter = Counter(self.server, PER_PICTURE)
        self.abilities = Remembered(self._find)
        self._facts: Facts | None = None
        self._thinks, self._told_of_cut = Thinks(), False

    @property
    def priced(self) -> bool:
        return bool(self._endpoint.usd_per_million_in or self._endpoint.usd_per_million_out)

    def price(self, prompt: int, reply: int) -> float:
        """US dollars."""
        e = self._endpoint
        return (prompt * e.usd_per_million_in + reply * e.usd_per_million_out) / 1e6

    async def check(self, request: Request) -> None:
        """Raises BackendRefused where this server would ignore a part of the request, perhaps silently."""
        needs = {
            "sees": ("pictures", any(m.pictures for m in request.messages)),
            "grammar": ("a grammar", request.grammar is not None),
            "adapters": ("an adapter", request.adapter is not None),
        }
        if not any(needed for _, needed in needs.values()):
            return
        able = await self.abilities()
        for name, (what, needed) in needs.items():
            if needed and not getattr(able, name):
                self._cannot(name, what, unproven=UNPROVEN in able.source)
        if request.adapter is not None and self._facts and request.adapter not in self._facts.adapters:
            raise BackendRefused(
                f"the server has no adapter {request.adapter!r}",
                where=self.server.where,
                mend=f"it has: {', '.join(sorted(self._facts.adapters)) or 'none'}",
            )

    def _cannot(self, name: str, what: str, *, unproven: bool) -> None:
        if unproven:
            raise BackendDown(
                f"it is unknown yet whether {self.server.name} takes {what}",
                where=self.server.where,
                mend="see whether the server runs, then try again",
            )
        raise BackendRefused(
            f"{self.server.name} was not found to take {what}",
            where=self.server.where,
            mend=f"use another model, or set agent.abilities.{name} = true if you know better",
        )

    async def _find(self) -> Abilities:
        self._facts = await ask_facts(self.server)
        return await probe(
            f"openai:{self.server.name}",
            Questions(self.reply, logprobs=self._tells_logprobs),
            cache=self._cache,
            overrides=self._overrides,
            context=self._context,
            adapters=bool(self._facts.adapters),
            mark=self._facts.mark,
        )

    async def _tells_logprobs(self) -> bool:
        request = Request((Message("user", ("Say hello.",)),), Sampling(max_tokens=4, temperature=0.0))
        async with aclosing(self.server.attempt(request, logprobs=True)) as items:
            async for item in items:
                if isinstance(item, Ended):
                    return item.logprobs
        return False

    async def reply(self, request: Request) -> Stream:
        """One server's reply, its money reserved before and settled after."""
        done: Done | None = None
        prompt = self.counter.estimate(request.messages) if self.priced else 0
        if request.sampling.seed is None:
            request = replace(request, sampling=replace(request.sampling, seed=random.getrandbits(31)))
        async with (
            self._ledger.reserve(self.price(prompt, self._widened(request).sampling.max_tokens)) as bill,
            aclosing(self._stubborn(request, bill)) as items,
        ):
            async for item in items:
                if isinstance(item, Done):
                    done = item
                    bill.usd = item.cost
                else:
                    yield item
        if done is not None:
            yield done

    async def _stubborn(self, request: Request, bill: Bill) -> Stream:
        """One server's reply, asked for again where that may help: once more where thinking left no room for it."""
        tried, spent = 0, 0.0
        while True:
            begun, tried = False, tried + 1
            try:
                async with aclosing(self._once(request, bill, spent)) as items:
                    async for item in items:
                        begun = True
                        yield item
                return
            except NoRoom:
                spent = bill.usd + self.price(0, request.sampling.max_tokens)
                log.info("%s thinks: it is asked again, with more room", self.server.name)
            except Silent:
                raise  # it has cost the silence already: the next server is the better bet
            except BackendDown as error:
                asked = getattr(error, "seconds", 0.0)
                if begun or tried > self._settings.retries or asked > LONGEST_WAIT:
                    raise
                wait = asked + random.uniform(0, min(8.0, self._pause * 2 ** (tried - 1)))
                log.info("%s: %s; again in %.1f s", self.server.name, error.what, wait)
                await asyncio.sleep(wait)

    async def _once(self, request: Request, bill: Bill, spent: float) -> Stream:
        """One attempt: cleaned pieces, then Done. `bill.usd` is kept at what the server may charge so far, `spent` on
        an attempt before this one included."""
        most, request, spoken = request.sampling.max_tokens, self._widened(request), ""
        cleaner, raw, ended = Cleaner(request.sampling.stop, self._thinks.inside), [], None
        prompt = self.counter.estimate(request.messages) if self.priced else 0
        bill.usd = spent + self.price(prompt, 0)
        try:
            async with aclosing(self.server.attempt(request)) as items:
                async for item in items:
                    if isinstance(item, Ended):
                        ended = item
                        break
                    raw.append(item)
                    bill.usd += self.price(0, text_tokens(item)) if self.priced else 0.0
                    if piece := cleaner.feed(item):
                        spoken += piece
                        yield Piece(piece)
                    if cleaner.stopped or sum(map(len, raw)) > RUNAWAY * (request.sampling.max_tokens + 16):
                        break
                    if self._thinks.room and text_tokens(spoken) > 2 * most:
                        break  # the room is for thinking alone; the estimate is about twice what words take
        except (Again, BackendRefused, PromptError):
            bill.usd = spent if not raw else bill.usd
            raise
        if rest := cleaner.finish():
            yield Piece(rest)
        self._thinks.learn(request, cleaner, ended, self.server.where)
        done = self._done(request, "".join(raw), ended, stopped=cleaner.stopped)
        yield replace(done, cost=done.cost + spent)

    @property
    def _context(self) -> int:
        told = self._facts.context if self._facts else 0
        return min(self._settings.context, told or self._settings.context)

    def _widened(self, request: Request) -> Request:
        return self._thinks.widened(request, self._context - self.counter.estimate(request.messages))

    def _done(self, request: Request, raw: str, ended: Ended | None, *, stopped: bool) -> Done:
        usage = ended.usage if ended else None
        if usage:
            self._look_for_a_cut(request, usage.prompt)
            self.counter.learn(request.messages, usage.prompt)
        prompt = usage.prompt if usage else self.counter.estimate(request.messages)
        guessed = min(text_tokens(raw), request.sampling.max_tokens)
        reply = usage.reply if usage and usage.reply else guessed
        finish = ended.finish if ended else Finish.LIMIT
        return Done(
            finish=Finish.STOP if stopped else finish,
            prompt_tokens=prompt,
            reply_tokens=reply,
            model=self.server.revision(ended.model if ended else ""),
            cached_tokens=usage.cached if usage else 0,
            seed=request.sampling.seed if self.server.dialect.seeds else None,
            cost=self.price(prompt, reply),
        )

    def _look_for_a_cut(self, request: Request, read: int) -> None:
        """Tells the owner, once, of a server that silently leaves out most of a prompt that is too long for it."""
        letters = sum(len(m.text) for m in request.messages)
        if letters > CUT * max(read, CUT_FROM) and not self._told_of_cut:
            self._told_of_cut = True
            log.warning(
                "%s read only %d tokens of a prompt of %d characters: raise the server's context (Ollama: num_ctx), or "
                "lower agent.openai.context to what it has",
                self.server.name,
                read,
                letters,
            )
