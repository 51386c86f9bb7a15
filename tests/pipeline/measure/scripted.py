"""A backend that says what it is told to, and a corpus of two dialogues."""

from collections.abc import AsyncIterator, Callable, Sequence

from agent.backends.base import Abilities, Done, Finish, Message, Piece, Request
from agent.dialogue import Scenario
from agent.errors import BackendDown
from agent.picture import Maker
from pipeline.corpus.read import HUMAN, Said, Talk

# Of the training part by its hash: the speaker alone makes its dialogue one for development.
NOTE = "Tags (machine guess): teapot (0.82). Colours and shape: mostly blue and white; landscape."


def talk(name: str = "devon-clarke-90", who: str = "devon-clarke", note: str = NOTE) -> Talk:
    return Talk(
        name,
        who,
        Scenario.HUMAN_ROLE,
        (
            Said(HUMAN, "what do you see", note, Maker.EYES),
            Said(who, "A blue teapot on the board, and whose move is it?"),
            Said(HUMAN, "mine, I hope"),
            Said(who, "Then pour, brother, and pour slow."),
        ),
    )


class Scripted:
    """Answers each request by `answer(request, number)`; an exception in it is the model's failure."""

    model = "scripted"

    def __init__(self, answer: Callable[[Request, int], str]) -> None:
        self._answer, self.asked = answer, list[Request]()

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def abilities(self) -> Abilities:
        return Abilities(sees=False, streams=True, grammar=False, adapters=True, logprobs=False, context=4096)

    async def count(self, messages: Sequence[Message]) -> int:
        return sum(len(m.text) // 4 for m in messages)

    async def generate(self, request: Request) -> AsyncIterator[Piece | Done]:
        self.asked.append(request)
        for word in self._answer(request, len(self.asked)).split(" "):
            yield Piece(f"{word} ")
        yield Done(Finish.STOP, 1, 1, self.model, seed=request.sampling.seed)


def fails_at(number: int) -> Callable[[Request, int], str]:
    def answer(_: Request, n: int) -> str:
        if n == number:
            raise BackendDown("the power went")
        return f"Reply {n}."

    return answer
