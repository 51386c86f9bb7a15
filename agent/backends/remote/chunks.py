"""What one chunk of a chat completion says. Servers are not trusted to keep to the types."""

import re
from dataclasses import dataclass
from typing import Any

from agent.backends.base import Finish
from agent.backends.remote.failures import failure
from agent.backends.remote.words import told
from agent.errors import BackendDown, BackendRefused


@dataclass(frozen=True, slots=True)
class Usage:
    prompt: int
    reply: int
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a server's reply ended, and what it told about it."""

    finish: Finish
    usage: Usage | None
    model: str
    logprobs: bool
    thought: bool = False


_BROKEN = {"error", "abort", "aborted", "network_error", "engine_error"}
_FILTERED = {"content_filter", "safety", "sensitive", "prohibited_content"}
_NOTHING = {"", "null", "none", "undefined", "unknown"}  # on chunks that end nothing
_LENGTH = {
    "length",
    "max_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "model_length",
    "token_limit",
    "limit",
}
_TELLING = ("message", "detail", "msg", "errors")  # instead of choices, they tell of an error


@dataclass
class Reading:
    """What has been learned from the chunks so far. `failed`: the words of an error that was reported. `thought`: there
    was thinking apart from the reply."""

    where: str
    key_env: str
    finish: Finish | None = None
    filtered: bool = False
    failed: str = ""
    thought: bool = False
    usage: Usage | None = None
    model: str = ""
    logprobs: bool = False
    choices: int = 0
    said: str = ""

    @property
    def over(self) -> bool:
        """Words have come, and the last chunk that had any, or one after it, said that they end: some servers say so
        on every chunk, or at the end of the thinking."""
        return self.finish is not None and bool(self.said)

    def chunk(self, chunk: dict[str, Any]) -> str:
        """Takes one chunk in; its text. Raises BackendError where it reports or is an error."""
        choices = chunk.get("choices")
        if (reported := _reported(chunk)) is not None:
            raise self._error(reported)
        self.usage = _usage(chunk.get("usage")) or self.usage
        if isinstance(chunk.get("model"), str):
            self.model = chunk["model"]
        if not choices:
            return ""  # the usage chunk; Azure's report on the prompt
        choice = choices[0] if isinstance(choices, list) else None
        if not isinstance(choice, dict):
            raise BackendDown("the server sent a malformed chunk", where=self.where)
        self.choices += 1
        text = self._text(choice)
        logprobs = choice.get("logprobs")
        self.logprobs |= isinstance(logprobs, dict) and bool(logprobs.get("content"))
        if text:
            self.finish = None
            self.said += text
        self._finish(choice.get("finish_reason"))
        return text

    def _text(self, choice: dict[str, Any]) -> str:
        """The words of a choice that are new: the whole `message` that some servers send at the end is not."""
        delta, message = choice.get("delta"), choice.get("message")
        said = delta or message or {}
        if not isinstance(said, dict):
            raise BackendDown("the server sent a malformed chunk", where=self.where)
        self.thought |= any(said.get(name) for name in ("reasoning_content", "reasoning", "thinking"))
        text = _words(said.get("content"), self.where)  # never the thinking: it is no part of the reply
        if delta or not self.said:
            return text
        return text.removeprefix(self.said) if text.startswith(self.said) else ""

    def end(self, done: bool) -> Ended:
        """The end of the stream; `done` where `[DONE]` came. Raises BackendDown where the reply was cut."""
        if self.filtered:
            raise BackendRefused(
                "the server's content filter withheld the reply",
                where=self.where,
                mend="rephrase, or use another endpoint",
            )
        if not self.choices:
            raise BackendDown("the server sent no choices", where=self.where, mend="check the model's name")
        if self.finish is None and not done:
            raise BackendDown(
                "the connection closed in the middle of a reply",
                where=self.where,
                mend="look at the server's log",
            )
        return Ended(self.finish or Finish.STOP, self.usage, self.model, self.logprobs, self.thought)

    def _finish(self, reason: object) -> None:
        word = reason.strip().casefold() if isinstance(reason, str) else ""
        if word in _BROKEN:
            raise BackendDown("the server broke the reply off", where=self.where)
        if word in _FILTERED:
            self.filtered = True
        elif word not in _NOTHING:
            self.finish = Finish.LIMIT if word in _LENGTH else Finish.STOP

    def _error(self, error: object) -> Exception:
        self.failed = told(error, 2_000) or "an error without words"
        code = _code(error)
        status = int(code) if isinstance(code, int | str) and str(code).isdecimal() else 500
        return failure(status, {"error": error}, where=self.where, key_env=self.key_env)


def _reported(chunk: dict[str, Any]) -> object:
    """The error that a chunk is, or has in it, in whatever form; None where it is none."""
    if chunk.get("error"):
        return chunk["error"]
    choices = chunk.get("choices")
    inner = (
        choices[0].get("error")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict)
        else None
    )
    if inner:
        return inner
    named = chunk.get("object") == "error" or chunk.get("type") == "error"
    telling = any(chunk.get(name) for name in _TELLING) or _base_code(chunk) != 0
    return chunk if named or (not choices and not chunk.get("usage") and telling) else None


def _base_code(chunk: dict[str, Any]) -> object:
    """MiniMax tells its errors beside `choices: null`; 0 is none."""
    told = chunk.get("base_resp")
    return told.get("status_code", 0) if isinstance(told, dict) else 0


def _code(error: object) -> object:
    """An HTTP status, where it says one. Codes of a server's own, such as 1008, are none."""
    found = [error.get(name) for name in ("code", "status", "status_code")] if isinstance(error, dict) else []
    return next(
        (c for c in found if isinstance(c, int | str) and re.fullmatch("[345][0-9]{2}", str(c))), None
    )


def _words(content: object, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):  # the parts that some servers send instead of a string
        parts = [p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str)]
        return "".join(parts)
    raise BackendDown("the server sent a malformed chunk", where=where)


def _usage(found: object) -> Usage | None:
    if not isinstance(found, dict):
        return None
    prompt, reply = _number(found.get("prompt_tokens")), _number(found.get("completion_tokens"))
    if not prompt:
        return None
    details = found.get("prompt_tokens_details")
    cached = _number(details.get("cached_tokens")) if isinstance(details, dict) else 0
    return Usage(prompt, reply, min(cached, prompt))


def _number(found: object) -> int:
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 0
