"""What one chunk of a chat completion says. Servers are not trusted to keep to the types."""

from dataclasses import dataclass, field
from typing import Any

from agent.backends.base import Finish
from agent.backends.remote.failures import failure, told
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


@dataclass
class Reading:
    """What has been learned from the chunks so far."""

    where: str
    key_env: str
    finish: Finish | None = None
    filtered: bool = False
    usage: Usage | None = None
    model: str = ""
    logprobs: bool = False
    choices: int = field(default=0)

    def chunk(self, chunk: dict[str, Any]) -> str:
        """Takes one chunk in; its text. Raises BackendError where it reports or is an error."""
        if chunk.get("error"):
            raise self._error(chunk["error"])
        self.usage = _usage(chunk.get("usage")) or self.usage
        if isinstance(chunk.get("model"), str):
            self.model = chunk["model"]
        choices = chunk.get("choices")
        if not choices:
            return ""  # the usage chunk; Azure's report on the prompt
        choice = choices[0] if isinstance(choices, list) else None
        if not isinstance(choice, dict):
            raise BackendDown("the server sent a malformed chunk", where=self.where)
        self.choices += 1
        said = choice.get("delta") or choice.get("message") or {}
        if not isinstance(said, dict):
            raise BackendDown("the server sent a malformed chunk", where=self.where)
        logprobs = choice.get("logprobs")
        self.logprobs |= isinstance(logprobs, dict) and bool(logprobs.get("content"))
        self._finish(choice.get("finish_reason"))
        return _words(said.get("content"), self.where)  # never reasoning_content: it is no part of the reply

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
        return Ended(self.finish or Finish.STOP, self.usage, self.model, self.logprobs)

    def _finish(self, reason: object) -> None:
        if reason in ("error", "abort", "network_error"):
            raise BackendDown("the server broke the reply off", where=self.where)
        if reason == "content_filter":
            self.filtered = True
        elif isinstance(reason, str) and reason:
            self.finish = Finish.LIMIT if reason in ("length", "max_tokens") else Finish.STOP

    def _error(self, error: object) -> Exception:
        code = error.get("code") if isinstance(error, dict) else None
        if code is None and isinstance(error, dict):
            code = error.get("status")
        status = int(code) if isinstance(code, int | str) and str(code).isdecimal() else 500
        return failure(
            status, {"error": error, "detail": told(error)}, where=self.where, key_env=self.key_env
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
