"""The model's own chat template (GGUF metadata `tokenizer.chat_template`), rendered in Jinja's sandbox.

Templates come with downloaded files: they are hostile until rendered. What differs between them is found by
trying, never by the model's name: whether the system role is known, whether roles must alternate, and
whether content must be a list of parts (SmolVLM, Idefics) or plain text.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
Said = tuple[str, str]  # role, text; pictures are markers in the text


_END = 60  # characters
# How it is said that there are no tools: Hugging Face's way first; templates that count or loop over them need a list.
_WITHOUT_TOOLS: tuple[dict[str, Any], ...] = (
    {"tools": None, "documents": None},
    {"tools": [], "documents": []},
    {},
)


class TemplateError(Exception):
    """The template cannot be compiled, or cannot write these messages."""


class _Generation(jinja2.ext.Extension):
    """`{% generation %}` marks training targets in Hugging Face's templates; here it changes nothing."""

    tags = {"generation"}  # noqa: RUF012 - Jinja's own interface

    def parse(self, parser: Any) -> Any:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatTemplate:
    """`render` turns messages into the prompt text, with the head of the reply opened at its end."""

    def __init__(self, source: str, *, bos: str = "", eos: str = "") -> None:
        env = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols, _Generation]
        )
        env.filters["tojson"] = _tojson
        env.globals.update(raise_exception=_refuse, strftime_now=lambda f: datetime.now().strftime(f))
        self._marks = {"bos_token": bos, "eos_token": eos}
        try:
            self._template = env.from_string(source or CHATML)
        except Exception as error:  # the compiler also raises RecursionError and plain Python errors
            raise TemplateError(f"the chat template does not compile: {error}") from error
        self._parts = False
        self._parts = not self._keeps((("user", "probe-Text"),), "probe-Text")
        self._system = self._keeps((("system", "probe-System"), ("user", "x")), "probe-System")

    def render(self, messages: Sequence[Said]) -> str:
        """The prompt. Raises TemplateError where no way of putting the messages suits the template."""
        said = list(messages) if self._system else _fold(messages)
        problem = ""
        for attempt in (said, _alternate(said), _alternate(_fold(messages))):
            try:
                return self._write(attempt)
            except TemplateError as error:
                problem = problem or str(error)
        raise TemplateError(f"the chat template refuses the messages: {problem}")

    def end(self) -> str:
        """The last characters of a prompt, where a template may have begun the reply already."""
        try:
            return self.render((("user", "x"),))[-_END:]
        except TemplateError:
            return ""

    def _write(self, messages: Sequence[Said]) -> str:
        given = [{"role": role, "content": self._content(text)} for role, text in messages]
        problem: Exception | None = None
        for without in _WITHOUT_TOOLS:
            try:
                return self._template.render(
                    messages=given, add_generation_prompt=True, **without, **self._marks
                )
            except Exception as error:  # noqa: BLE001 - a hostile template may raise anything
                problem = problem or error
        raise TemplateError(str(problem)) from problem

    def _content(self, text: str) -> str | list[dict[str, str]]:
        return [{"type": "text", "text": text}] if self._parts else text

    def _keeps(self, messages: Sequence[Said], word: str) -> bool:
        try:
            return word in self._write(messages)
        except TemplateError:
            return False


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """As in Hugging Face's templates; Jinja's own escapes for HTML."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _fold(messages: Sequence[Said]) -> list[Said]:
    """System words moved to the head of the next user turn (its own turn where none follows)."""
    out: list[Said] = []
    waiting = ""
    for role, text in messages:
        if role == "system":
            waiting = f"{waiting}\n\n{text}" if waiting else text
        elif role == "user" and waiting:
            out.append(("user", f"{waiting}\n\n{text}"))
            waiting = ""
        else:
            out.append((role, text))
    return [*out, ("user", waiting)] if waiting else out


def _alternate(messages: Sequence[Said]) -> list[Said]:
    """User and assistant in turn, beginning with the user: neighbours of one role are joined."""
    out: list[Said] = []
    for role, text in messages:
        if role == "assistant" and not any(r == "user" for r, _ in out):
            out.append(("user", "(The conversation begins.)"))
        if out and out[-1][0] == role:
            out[-1] = (role, f"{out[-1][1]}\n\n{text}")
        else:
            out.append((role, text))
    return out
