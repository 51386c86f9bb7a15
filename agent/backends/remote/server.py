"""One OpenAI-compatible server: one attempt at one reply. Retries and failover are openai.py's."""

import asyncio
import ipaddress
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast
from urllib.parse import urlsplit

from agent.backends.base import Request
from agent.backends.remote.chunks import Ended, Reading
from agent.backends.remote.dialect import Dialect
from agent.backends.remote.failures import Again, failure
from agent.backends.remote.sse import DONE, Silent, payloads, quiet_limit
from agent.backends.remote.words import told
from agent.errors import BackendDown, BackendRefused, ConfigError, PromptError, VignetteError
from agent.settings import Endpoint

log = logging.getLogger(__name__)
AFTERGLOW = 5.0  # seconds that a server may take for its usage report after the last word
CONNECT = 10.0  # seconds
FORMS = 12  # tries to find one that a server takes
REFUSALS = frozenset({400, 404, 405, 413, 415, 422, 500, 501})  # templates raise 500
REACH = "see whether the server runs and base_url is right"


class Server:
    """`name` is `model@host`, `where` the address for messages."""

    def __init__(self, endpoint: Endpoint, key: str, seconds: float) -> None:
        url = urlsplit(endpoint.base_url)
        if url.scheme not in ("http", "https") or not url.hostname or not endpoint.model:
            raise ConfigError(
                f"{endpoint.base_url!r} with model {endpoint.model!r} is no endpoint",
                where="agent.openai.endpoints",
                mend='give base_url = "http://host:port/v1" and model = "name"',
            )
        self.endpoint, self.seconds = endpoint, seconds
        self.where = f"{url.scheme}://{url.hostname}{f':{url.port}' if url.port else ''}{url.path}"
        self.root = self.where.removesuffix("/").removesuffix("/v1")
        self.host = url.hostname
        self.name = f"{_plain(endpoint.model)}@{url.hostname}{f':{url.port}' if url.port else ''}"
        self._key = _checked(key.strip(), endpoint.key_env)
        self.dialect = Dialect()
        self._client: Any = None
        self._broken: tuple[type[Exception], ...] = (OSError,)  # TimeoutError is one

    async def start(self) -> None:
        if self._client is None:
            self._client = await asyncio.to_thread(self._connect)

    def _connect(self) -> Any:
        import httpx2
        import openai

        self._broken = (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError, OSError)
        timeout = httpx2.Timeout(self.seconds, connect=min(CONNECT, self.seconds))
        return openai.AsyncOpenAI(
            api_key=self._key or "none",  # local servers want none, the package wants one
            base_url=self.endpoint.base_url,
            max_retries=0,
            timeout=timeout,
            default_headers={"Accept-Encoding": "identity"},
            http_client=openai.DefaultAsyncHttpx2Client(
                timeout=timeout,
                follow_redirects=False,  # a prompt goes where the settings say, nowhere else
                trust_env=not _local(self.host),
            ),
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def revision(self, answered: str) -> str:
        """What answered: the server's own, more precise name where it begins with the configured one."""
        name = _plain(answered)
        ours, _, host = self.name.partition("@")
        return f"{name}@{host}" if name.startswith(ours) else self.name

    async def attempt(self, request: Request, *, logprobs: bool = False) -> AsyncGenerator[str | Ended, None]:
        """Raw text as it comes, then how it ended. Closing this iterator closes the connection.

        Raises Again or BackendDown (worth another try), BackendRefused, PromptError.
        """
        model = request.adapter or self.endpoint.model
        for _ in range(FORMS):
            body = await self.dialect.body(request, model, logprobs=logprobs)
            reading = Reading(self.where, self.endpoint.key_env)
            try:
                async with aclosing(self._asked(body, reading)) as items:
                    async for item in items:
                        yield item
                return
            except _Refused as refused:
                too_long = isinstance(
                    refused.error, PromptError
                )  # it may name max_tokens, which is not to blame
                if too_long or not self.dialect.learn(refused.words, body):
                    raise refused.error from None
                log.info("%s: asking again in the form this server takes", self.where)
        raise BackendRefused("the server refuses every form of the request", where=self.where, mend=REACH)

    async def _asked(self, body: dict[str, Any], reading: Reading) -> AsyncGenerator[str | Ended, None]:
        """One request. Raises _Refused where the server says what it does not take, also within a 200, before a word
        of the reply."""
        import openai

        try:
            async with asyncio.timeout(self.seconds):
                manager = self._create(dict(body))
                response = await manager.__aenter__()
        except openai.APIStatusError as error:
            told_, headers = error.body or error.message, dict(error.response.headers)
            raised = self._failure(error.status_code, told_, headers)
            if error.status_code in REFUSALS:
                raise _Refused(told(told_, 2_000), raised) from None
            raise raised from None
        except TimeoutError:
            raise self._silent() from None
        except openai.APITimeoutError:
            raise self._silent() from None
        except self._broken as error:
            raise self._lost(error) from None
        try:
            async with aclosing(self._read(response, reading)) as items:
                async for item in items:
                    yield item
        except VignetteError as error:
            if reading.failed and not reading.said:
                raise _Refused(reading.failed, error) from None
            raise
        finally:
            await manager.__aexit__(None, None, None)

    def _create(self, body: dict[str, Any]) -> Any:
        known = {k: body.pop(k) for k in ("model", "messages", "stream") if k in body}
        return self._client.chat.completions.with_streaming_response.create(
            **cast(Any, known), extra_body=body
        )

    async def _read(self, response: Any, reading: Reading) -> AsyncGenerator[str | Ended, None]:
        done = False

        def patience() -> float:
            return min(AFTERGLOW, self.seconds) if reading.over else self.seconds

        try:
            async with (
                aclosing(response.iter_bytes()) as raw,
                aclosing(payloads(raw, self.where)) as events,
                aclosing(quiet_limit(events, patience, self.where)) as chunks,
            ):
                async for chunk in chunks:
                    if isinstance(chunk, str):
                        done = chunk == DONE
                        break
                    if text := reading.chunk(chunk):
                        yield text
        except self._broken as error:
            if not reading.over:
                raise self._lost(error) from None
        except BackendDown:
            if reading.failed or not reading.over:
                raise
        yield reading.end(done)

    async def knock(self, seconds: float = 5.0) -> tuple[str, ...]:
        """The names of its models; asking costs nothing. Raises BackendError where nobody answers or the key
        is refused; a server that keeps no such list is still a server."""
        import openai

        try:
            async with asyncio.timeout(seconds):
                return _names(await self._client.get("/models", cast_to=object))
        except openai.APIStatusError as error:
            if error.status_code in (401, 403) or error.status_code >= 500:
                raise self._failure(error.status_code, error.body or error.message, {}) from None
        except (TimeoutError, openai.APITimeoutError):
            raise Silent(f"no answer within {seconds:g} s", where=self.where, mend=REACH) from None
        except self._broken as error:
            raise self._lost(error) from None
        except (openai.OpenAIError, ValueError) as error:  # an answer, though no list
            log.debug("%s: no list of models: %s", self.where, type(error).__name__)
        return ()

    async def get(self, path: str, body: dict[str, Any] | None = None, seconds: float = 3.0) -> Any:
        """A side question (JSON) beside the API, from the server's root. None where there is no answer."""
        import openai
        from httpx2 import HTTPError

        url = self.root + path
        try:
            async with asyncio.timeout(seconds):
                if body is None:
                    return await self._client.get(url, cast_to=object)
                return await self._client.post(url, body=body, cast_to=object)
        except (openai.OpenAIError, ValueError, OSError, HTTPError) as error:
            log.debug("%s: no answer: %s", url, type(error).__name__)
            return None

    def scrubbed(self, words: str) -> str:
        return words.replace(self._key, "[key]") if self._key else words

    def _failure(self, status: int, body: object, headers: dict[str, str]) -> VignetteError:
        error = failure(status, body, where=self.where, key_env=self.endpoint.key_env, headers=headers)
        error.what = self.scrubbed(error.what)
        error.args = (error.what,)
        return error

    def _lost(self, error: Exception) -> Again:
        reason = self.scrubbed(str(error.__cause__ or error) or type(error).__name__)[:300]
        return Again(
            f"the connection failed: {reason}",
            where=self.where,
            mend=REACH,
        )

    def _silent(self) -> BackendDown:
        return Silent(
            f"the server did not answer within {self.seconds:g} s",
            where=self.where,
            mend="see whether the server is overloaded, or raise agent.openai.seconds",
        )


class _Refused(Exception):
    """`words` are the server's; `error` is raised where nothing can be learned from them."""

    def __init__(self, words: str, error: VignetteError) -> None:
        super().__init__(words)
        self.words, self.error = words, error


def _plain(model: str) -> str:
    """A model's name without folders: llama-server tells its file's whole path."""
    return (
        model.replace("\\", "/").rsplit("/", 1)[-1]
        if model.startswith(("/", ".", "~")) or "\\" in model
        else model
    )


def _names(told: object) -> tuple[str, ...]:
    """Of a list of models (OpenAI's `GET /models`), whatever else it is."""
    listed = told.get("data") if isinstance(told, dict) else None
    found = [one.get("id") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return tuple(name for name in found if isinstance(name, str) and name and name.isprintable())


def _checked(key: str, name: str) -> str:
    if not key.isascii() or not key.isprintable():
        raise ConfigError(
            "the key holds characters no key has", where=name, mend="paste it again, without quotes"
        )
    return key


def _local(host: str) -> bool:
    """Loopback is reached directly, whatever proxy the environment names."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
