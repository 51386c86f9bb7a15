"""Which model speaks, and what it knows of a picture: the one sentence that every platform tells."""

import asyncio
import re

from agent.errors import VignetteError
from agent.settings import AgentSettings
from bot.house import House

PATIENCE = 5.0  # seconds: a model that is still being loaded, or does not answer, keeps nobody waiting longer
_DIGEST = re.compile(r"-[0-9a-f]{12}(?=\+|$)")  # tells versions of a file apart; nothing for people
BUSY = "The model that speaks here is still being loaded, or does not answer."


async def introduced(house: House) -> str:
    """What the model at hand is called, and whether it sees. Never raises VignetteError."""
    agent = house.agent
    try:
        async with asyncio.timeout(PATIENCE):
            able = await agent.backend.abilities()
        name = await asyncio.to_thread(lambda: agent.backend.model)
    except (VignetteError, TimeoutError):
        return BUSY
    pixels = agent.settings.prompt.pictures if able.sees else 0
    return f"{_DIGEST.sub('', name)} speaks here. {_sight(pixels, agent.settings)}"


def _sight(pixels: int, settings: AgentSettings) -> str:
    eyes = settings.eyes
    found = [what for what, on in (("tags", eyes.tags), ("text", eyes.text)) if on]
    told = f"{', '.join(found)} and colours" if found else "colours"
    if not pixels:
        return f"It does not see pictures: it is told {told} found in them, and they are often wrong."
    newest = "the newest picture" if pixels == 1 else f"the newest {pixels} pictures"
    return f"It sees {newest} of a dialogue; of older ones it is told {told}."
