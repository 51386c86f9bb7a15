"""What the model reads and what it should say, in its own tokens: llama.cpp's tokenizer, the model's own template."""

from collections.abc import Sequence

from agent.backends.base import Message
from agent.engine.frames import Frame
from agent.engine.reply import Engine
from agent.errors import ConfigError


def frames(messages: Sequence[Message]) -> list[Frame]:
    """As the worker gets them; there are no pixels."""
    return [{"role": message.role, "parts": [message.text]} for message in messages]


def ending(engine: Engine) -> str:
    """The token, as text, that ends a reply. Raises ConfigError for a model whose template writes none."""
    if not (end := engine.end_of_turn()):
        raise ConfigError(
            "this model has no token that ends a turn", where=str(engine.model.path), mend="use a chat model"
        )
    return end


def spoken(engine: Engine, messages: Sequence[Message], answer: str) -> tuple[list[int], list[int]]:
    """The prompt's tokens, and the answer's after it with the one that ends the turn; control tokens in the answer are
    only words. Raises ConfigError."""
    text, _ = engine.rendered(frames(messages))
    said = engine.plain(answer) + ending(engine)
    prompt, whole = engine.model.tokenise(text), engine.model.tokenise(text + said)
    if whole[: len(prompt)] == prompt:
        return prompt, whole[len(prompt) :]
    # Prompt and answer would share a token: the answer alone, as a model that has read the prompt must say it.
    return prompt, engine.model.tokenise(said)[len(engine.model.tokenise("")) :]
