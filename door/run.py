"""`python main.py run`: the web page, and Discord where there is a token, until it is stopped."""

import asyncio
import logging
import signal
from collections.abc import Callable

import click

from agent.backends.reach import reach
from agent.backends.registry import make_backend
from agent.errors import PlatformError, VignetteError
from agent.queue import Queue
from agent.supply import Supply
from bot.bot import Bot
from bot.model import introduced
from bot.platforms.base import Platform
from door.house import open_bot
from door.settings import Loaded

log = logging.getLogger(__name__)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="The page's port, in place of [bot.web] port.")
@click.option("--no-web", is_flag=True, help="Discord only.")
@click.pass_obj
def run(loaded: Loaded, port: int | None, no_web: bool) -> None:
    """Start Vignette: a web page on this machine, and Discord where DISCORD_TOKEN is set.

    The link that is printed opens the page; it holds this start's token. Ctrl-C stops it: what is being
    said is finished at the next start.
    """
    asyncio.run(_run(loaded, port, no_web))


async def _run(loaded: Loaded, port: int | None, no_web: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    async with open_bot(loaded) as bot:
        supply = _supply(loaded, bot)
        platforms = _platforms(loaded, bot, port, no_web, supply)
        if not platforms:
            raise PlatformError(
                "nothing to start", mend="set DISCORD_TOKEN, or set [bot.web] enabled = true in config.toml"
            )
        bot.house.platforms.update({p.name: p for p in platforms})
        for problem in bot.house.cast.problems:
            click.secho(f"A character was left out. {problem}", fg="yellow", err=True)
        stop_clock = _clock(bot)
        tasks = [asyncio.create_task(_supervised(p, bot), name=p.name) for p in platforms]
        tasks.append(asyncio.create_task(_warm(bot), name="model"))
        try:
            await _until(stop, tasks)
        finally:
            stop_clock()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if supply:
                await supply.close()
    click.echo("Stopped. Nothing is lost: `make run` goes on from here.")


def _supply(loaded: Loaded, bot: Bot) -> Supply | None:
    queue = bot.house.agent.backend
    if not isinstance(queue, Queue):
        return None
    return Supply(
        loaded.agent,
        queue,
        lambda: make_backend(loaded.agent, loaded.secrets).backend,
        lambda address, model, key: reach(loaded.agent, address, model, key),
    )


def _platforms(
    loaded: Loaded, bot: Bot, port: int | None, no_web: bool, supply: Supply | None
) -> list[Platform]:
    found: list[Platform] = []
    settings, secrets = loaded.bot, loaded.secrets
    if settings.web.enabled and not no_web:
        from door.web import make_web

        web = settings.web if port is None else settings.web.model_copy(update={"port": port})
        found.append(
            make_web(
                web,
                bot.house,
                secrets.get("VIGNETTE_WEB_TOKEN"),
                loaded.agent.intake,
                told=_tell,
                supply=supply,
            )
        )
    accounts = {c: secrets.get(variable) for c, variable in settings.discord.accounts.items()}
    if settings.discord.enabled and (secrets.get("DISCORD_TOKEN") or any(accounts.values())):
        from door.discord import make_discord

        found.append(make_discord(settings.discord, bot.house, secrets.get("DISCORD_TOKEN"), accounts))
    return found


def _tell(address: str) -> None:
    click.secho("\nVignette is running. Open this page to chat:\n", bold=True)
    click.secho(f"    {address}\n", fg="cyan", bold=True)
    click.echo("Ctrl-C stops it.")


async def _warm(bot: Bot) -> None:
    """Loads the model before the first message, and says how it went."""
    backend = bot.house.agent.backend
    await backend.start()
    able = await backend.abilities()
    told = await introduced(bot.house)
    click.echo(f"Model ready: {backend.model} ({able.context} tokens). {told}")


def _clock(bot: Bot) -> Callable[[], None]:
    from bot.schedule import schedule

    return schedule(bot.house)


async def _supervised(platform: Platform, bot: Bot) -> None:
    """Discord may fail while the page goes on; what only a person can mend is said loudly, a surprise is
    logged and tried again."""
    pause = 5.0
    while True:
        try:
            await platform.run(bot, bot)
            return
        except PlatformError as error:
            if platform.name == "web":
                raise
            click.secho(f"{platform.name} is off. {error}", fg="red", err=True)
            return
        except Exception:
            if platform.name == "web":
                raise
            log.exception("%s failed; trying again in %.0f s", platform.name, pause)
        await asyncio.sleep(pause)
        pause = min(300.0, pause * 2)


async def _until(stop: asyncio.Event, tasks: list["asyncio.Task[None]"]) -> None:
    """Returns when asked to stop, or when no platform is left; raises what broke the page or the model."""
    waiting = asyncio.create_task(stop.wait())
    left = set(tasks)
    try:
        while not stop.is_set():
            done, _ = await asyncio.wait({waiting, *left}, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {waiting}:
                left.discard(task)
                error = task.exception()
                if isinstance(error, VignetteError) and task.get_name() == "model":
                    click.secho(f"The model cannot be used. {error}", fg="red", err=True)
                elif error:
                    raise error
            if not any(t.get_name() != "model" for t in left):
                return
    finally:
        waiting.cancel()
