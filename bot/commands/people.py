"""/privacy and /forget: a person's own data."""

import asyncio
import logging

from agent.errors import PlatformError
from bot.commands.base import Context
from bot.commands.texts import PRIVACY
from bot.events import Answer, named
from bot.house import now
from journal import consent, people, pictures
from journal.people import Person

log = logging.getLogger(__name__)


async def privacy(ctx: Context) -> Answer:
    """What is kept and what for; `training` on or off records the person's consent."""
    wanted = ctx.text("training").lower()
    if wanted not in ("", "on", "off"):
        raise PlatformError(f"training cannot be {wanted!r}", mend="say on or off")
    author = ctx.author
    async with ctx.house.journal.write() as tx:
        if wanted:
            await people.touch(tx, Person(author.key, author.platform, author.id, author.name))
            await consent.set_consent(tx, author.key, wanted == "on", at=now())
        agreed = await consent.consented(tx, author.key)
    state = "may" if agreed else "may **not**"
    held_back = ""
    if agreed and ctx.place.platform == "discord" and not ctx.house.settings.discord.harvest_permitted:
        held_back = (
            " What you write on Discord is left out all the same: Discord's rules ask for its express permission, and "
            "the owner of this bot has none on record."
        )
    return Answer(
        f"{PRIVACY}\n\nYour words {state} train a model.{held_back} /privacy training:on or off changes that."
    )


async def forget(ctx: Context) -> Answer:
    """Deletes what a person said and brought. It takes a word of confirmation, for it cannot be undone."""
    if ctx.text("confirm").lower() not in ("yes", "true"):
        if ctx.text("name"):
            await _whom(ctx)
            return Answer(
                "This deletes what was said through a proxy under that name in this server, and the answers given to "
                "it alone. It cannot be undone. Give confirm:yes as well to do it."
            )
        return Answer(
            "This deletes your messages, your reactions, the pictures only you brought, and the answers you alone were "
            "given, on every channel of this bot. It cannot be undone. Say /forget confirm:yes to do it."
        )
    who = await _whom(ctx)
    async with ctx.house.journal.write(long=True) as tx:
        gone = await consent.forget(tx, who, at=now())
    await asyncio.to_thread(pictures.unlink, ctx.house.pictures, gone.pictures)
    await ctx.house.journal.compact()
    log.info("a person was forgotten: %d turns, %d pictures", gone.turns, len(gone.pictures))
    return Answer(
        f"Forgotten: {gone.turns} turns and {len(gone.pictures)} pictures. A note that says only that you were "
        "forgotten stays, so that restoring an older backup forgets them again."
    )


async def _whom(ctx: Context) -> str:
    """The person id that is to be forgotten: one's own, or that of a name in this server that has no account. A name
    is nobody's by proof, so managers alone may ask, for whoever spoke under it. Raises PlatformError where nobody goes
    by it."""
    name = ctx.text("name")
    if not name:
        return ctx.author.key
    if not ctx.author.manager:
        raise PlatformError(
            "a name has no account, so it cannot be told that it is yours",
            mend="ask somebody who may manage this channel to say it for you",
        )
    who = named(ctx.place.platform, ctx.place.server, name).key
    async with ctx.house.journal.read() as tx:
        known = bool(ctx.place.server) and await people.get(tx, who)
    if not known:
        raise PlatformError(
            "nobody spoke through a proxy under that name here",
            mend="say it in the server where they spoke, with the name as it is shown there; what you said "
            "yourself goes without a name",
        )
    return who
