"""Builds the house from the settings: every room's parts, opened in order and closed in reverse."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from agent.addresses import PublicOnly
from agent.agent import Agent
from agent.backends.base import Backend
from agent.backends.registry import make_backend
from agent.cast import Cast
from agent.eyes.eyes import Eyes
from agent.fetch import Fetcher
from agent.intake import Intake
from bot.bot import Bot
from bot.house import House
from door.settings import Loaded
from journal.journal import Journal

PASSWORD = "VIGNETTE_DATABASE_PASSWORD"


@asynccontextmanager
async def open_bot(
    loaded: Loaded, *, backend: Backend | None = None, fetcher: Fetcher | None = None
) -> AsyncIterator[Bot]:
    """A bot with no platforms yet, whose model (`house.agent.backend`) is to be started.

    `backend` and `fetcher` replace the configured ones; without a fetcher only public addresses are fetched.
    Raises VignetteError where the journal, the cast or the model cannot be opened.
    """
    settings = loaded.settings
    async with AsyncExitStack() as closing:  # also what was opened before something failed to open
        journal = await Journal.open(settings.journal, secrets_password=loaded.secrets.get(PASSWORD))
        closing.push_async_callback(journal.close)
        backend = backend or make_backend(settings.agent, loaded.secrets)
        closing.push_async_callback(backend.close)
        intake = Intake(settings.agent.intake)
        closing.callback(intake.close)
        eyes = Eyes(settings.agent.eyes)
        closing.callback(eyes.close)
        house = House(
            settings=settings.bot,
            journal=journal,
            agent=Agent(backend, settings.agent),
            cast=Cast.load(settings.agent.cast.shipped, settings.agent.cast.own),
            intake=intake,
            fetcher=fetcher or Fetcher(settings.agent.intake, PublicOnly()),
            eyes=eyes,
            pictures=settings.agent.intake.folder,
            per_turn=settings.agent.intake.per_turn,
            idle=timedelta(minutes=settings.journal.idle_minutes),
            default=settings.agent.cast.default,
        )
        bot = Bot(house)
        closing.push_async_callback(bot.close)
        yield bot
