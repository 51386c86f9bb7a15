"""Which form of prompt a model gets, fitted into its token budget.

Whole (`full`), dropped first: example dialogue, then triggered lore, then the oldest turns, then the pixels of all
pictures but the last. Never: the profile, the current words, the current picture.

Compact, dropped first: triggered lore, then the oldest turns, then sentences of the profile. Its budget is a wish:
current words that are longer are read all the same, up to what the model can read.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

from agent.backends.base import Message
from agent.errors import PromptError
from agent.prompt.ask import Ask, Count, Prompt
from agent.prompt.compact import Compact
from agent.prompt.full import Full
from agent.settings import PromptSettings

SMALL = 1_000_000_000  # models with fewer weights are given the compact form
COMPACT = 350  # tokens of a compact prompt, unless the settings say otherwise
HEADS = (
    0.36,
    0.25,
    0.15,
)  # shares of it that the profile may take, the next one where the words leave less room
STEP = 2  # turns dropped at a time from a compact prompt: its beginning then stays the same for a turn or two
Form = Literal["full", "compact"]


def form(settings: PromptSettings, weights: int) -> Form:
    """`weights` 0: unknown, as behind a server."""
    if settings.form != "auto":
        return settings.form
    return "compact" if 0 < weights < SMALL else "full"


def template(settings: PromptSettings, weights: int) -> str:
    """The name and version of the form that `build` gives a model of so many weights."""
    return (Compact if form(settings, weights) == "compact" else Full).template


async def build(
    ask: Ask,
    settings: PromptSettings,
    *,
    sees: bool,
    budget: int,
    count: Count,
    seed: int = 0,
    weights: int = 0,
) -> Prompt:
    """The prompt for one reply, of at most `budget` tokens as `count` counts them, for a model of `weights` weights.

    Raises PromptError if profile and current words alone exceed the budget.
    """
    if form(settings, weights) == "compact":
        return await _compact(ask, settings, sees=sees, budget=budget, count=count, seed=seed)
    wish = min(budget, settings.tokens or budget)
    return await _full(ask, settings, sees=sees, budget=wish, count=count, seed=seed)


async def _full(
    ask: Ask, settings: PromptSettings, *, sees: bool, budget: int, count: Count, seed: int
) -> Prompt:
    draft = Full(ask, settings, sees=sees, seed=seed)
    for examples, lore_on in ((True, True), (False, True), (False, False)):
        messages = draft.messages(0, examples, lore_on)
        if await count(messages) <= budget:
            return draft.prompt(messages, 0, str(int(examples)))
    last = max(0, len(ask.dialogue.turns) - 1)  # the current words always stay
    if await count(draft.messages(last, False, False)) > budget:
        if len(draft.pixels) > 1:
            fewer = settings.model_copy(update={"pictures": 1})
            return await _full(ask, fewer, sees=sees, budget=budget, count=count, seed=seed)
        raise _too_long(ask, budget)

    async def fits(dropped: int) -> bool:
        return await count(draft.messages(dropped, False, False)) <= budget

    dropped = await _fewest(last, fits)
    return draft.prompt(draft.messages(dropped, False, False), dropped, "0")


async def _compact(
    ask: Ask, settings: PromptSettings, *, sees: bool, budget: int, count: Count, seed: int
) -> Prompt:
    draft = Compact(ask, settings, sees=sees, seed=seed)
    tokens = min(budget, settings.tokens or COMPACT)
    wish = budget if draft.pixels else tokens  # pixels alone take more than such a wish
    last = max(0, len(ask.dialogue.turns) - 1)
    sizes = [int(tokens * share) for share in HEADS]

    def made(dropped: int, head: int, lore_on: bool = False) -> tuple[Message, ...]:
        return draft.messages(dropped, head, lore_on)

    async def fits(dropped: int) -> bool:
        return await count(made(dropped, sizes[0])) <= wish

    if await count(whole := made(0, sizes[0], True)) <= wish:
        return draft.prompt(whole, 0, str(sizes[0]))
    if await fits(last):
        dropped = await _fewest(last, fits)
        stepped = -(-dropped // STEP) * STEP
        dropped = stepped if stepped <= last else dropped
        return draft.prompt(made(dropped, sizes[0]), dropped, str(sizes[0]))
    for head in sizes:
        messages = made(last, head)
        if await count(messages) <= wish or (head == sizes[-1] and await count(messages) <= budget):
            return draft.prompt(messages, last, str(head))
    if len(draft.pixels) > 1:
        fewer = settings.model_copy(update={"pictures": 1})
        return await _compact(ask, fewer, sees=sees, budget=budget, count=count, seed=seed)
    raise _too_long(ask, budget)


async def _fewest(last: int, fits: Callable[[int], Awaitable[bool]]) -> int:
    """The smallest number of turns to drop, `last` being known to be enough."""
    low, high = -1, last
    while high - low > 1:
        middle = (low + high) // 2
        if await fits(middle):
            high = middle
        else:
            low = middle
    return high


def _too_long(ask: Ask, budget: int) -> PromptError:
    return PromptError(
        f"the profile of {ask.character.name} and the current words alone exceed {budget} tokens",
        where=f"character {ask.character.id}",
        mend="shorten the profile (`characters lint` tells its length) or the message, or raise the context",
    )
