"""Messages to model inputs by the model's own chat template and processor.

Text that looks like one of the model's control tokens (`<image>`, `<|im_end|>`) is made harmless first: it
comes from people and pictures, and must neither end a turn nor claim a picture.
"""

import re
import threading
from collections.abc import Sequence
from typing import Any

from agent.backends.base import Message
from agent.errors import PictureError, PromptError
from agent.picture import Picture


class Prompting:
    """`processor` where the model sees, else the tokenizer alone. Calls may come from any thread: fast
    tokenizers are not safe to share, so they take turns."""

    def __init__(self, tokenizer: Any, processor: Any | None) -> None:
        self.tokenizer, self._processor = tokenizer, processor
        self._turn = threading.Lock()
        added = {str(t) for t in getattr(tokenizer, "added_tokens_decoder", {}).values()}
        marks = sorted((added | set(tokenizer.all_special_tokens)) - {""}, key=len, reverse=True)
        self._marks = re.compile("|".join(map(re.escape, marks))) if marks else None

    def inputs(self, messages: Sequence[Message]) -> Any:
        """Tensors for `generate`: `input_ids` of shape (1, tokens) and, with pictures, their pixels. Nothing
        is ever truncated. Raises PictureError, PromptError."""
        with self._turn:
            text = self._text(messages)
            pictures = [_opened(p) for m in messages for p in m.pictures]
            bos = self.tokenizer.bos_token
            more = {"add_special_tokens": False} if bos and text.startswith(bos) else {}
            if self._processor is None:
                return self.tokenizer(text, return_tensors="pt", add_special_tokens=False)
            if not pictures:  # some processors insist on a picture
                return self.tokenizer(text, return_tensors="pt", **more)
            return self._processor(text=[text], images=[pictures], return_tensors="pt", **more)

    def harmless(self, text: str) -> str:
        """`text` with a space in every control token, as a person would read it and no tokenizer."""
        if self._marks is None:
            return text
        return self._marks.sub(lambda m: f"{m[0][0]} {m[0][1:]}", text)

    def _text(self, messages: Sequence[Message]) -> str:
        import jinja2

        holder = self._processor if getattr(self._processor, "chat_template", None) else self.tokenizer
        if not getattr(holder, "chat_template", None):
            return self._plain(messages)
        try:
            return self._templated(holder, messages)
        except jinja2.TemplateError:
            pass  # many templates know no system role: its words then open the first message
        try:
            return self._templated(holder, _without_system(messages))
        except jinja2.TemplateError as error:
            raise PromptError(
                f"the model's chat template refuses this dialogue: {error}",
                where="agent.transformers.path",
                mend="use a model whose template takes several turns",
            ) from None

    def _templated(self, holder: Any, messages: Sequence[Message]) -> str:
        spoken = [{"role": m.role, "content": self._content(m)} for m in messages]
        return str(holder.apply_chat_template(spoken, add_generation_prompt=True, tokenize=False))

    def _content(self, message: Message) -> str | list[dict[str, str]]:
        if self._processor is None:
            return self.harmless(message.text)
        return [
            {"type": "text", "text": self.harmless(p)} if isinstance(p, str) else {"type": "image"}
            for p in message.parts
        ]

    def _plain(self, messages: Sequence[Message]) -> str:
        """For models without a template: a transcript that asks to be continued."""
        image = getattr(self._processor, "image_token", "")
        lines = (
            f"{m.role}: " + "".join(self.harmless(p) if isinstance(p, str) else image for p in m.parts)
            for m in messages
        )
        return "\n".join([*lines, "assistant:"])


def _without_system(messages: Sequence[Message]) -> list[Message]:
    head: tuple[str | Picture, ...] = ()
    out: list[Message] = []
    for m in messages:
        if m.role == "system":
            head += (*m.parts, "\n\n")
        else:
            out.append(Message(m.role, head + m.parts))
            head = ()
    return [*out, Message("user", head)] if head else out


def _opened(picture: Picture) -> Any:
    from PIL import Image

    try:
        with Image.open(picture.path) as image:
            return image.convert("RGB")
    except (OSError, ValueError) as error:
        raise PictureError(f"a stored picture cannot be read: {error}", where=str(picture.path)) from error
