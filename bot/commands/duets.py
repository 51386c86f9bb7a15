"""/duet: two characters converse about a picture."""

from agent.errors import CharacterError
from bot.commands.base import Context
from bot.duet import Wanted
from bot.events import Answer, Incoming


async def duet(ctx: Context) -> Answer:
    names = [ctx.text(n) for n in ("first", "second", "third", "fourth") if ctx.text(n)]
    cast = tuple(ctx.house.character(name, ctx.place) for name in names)
    if len({c.id for c in cast}) < 2:
        raise CharacterError(
            "a duet takes two different characters", mend="name two; /character list shows who there is"
        )
    shown, problems = await ctx.bot.sights.take(
        Incoming(ctx.place, ctx.author, ctx.command.id, "", ctx.command.attachments)
    )
    if problems and not shown:
        raise CharacterError(" ".join(problems).rstrip("."), mend="send another picture")
    turns = ctx.number("turns", ctx.house.settings.duet.turns)
    about = ctx.text("about")
    await ctx.bot.duets.start(Wanted(ctx.place, ctx.author, ctx.command.id, cast, tuple(shown), turns, about))
    people = " and ".join(f"**{c.name}**" for c in cast)
    subject = "a picture" if shown else (about or "whatever comes to their minds")
    return Answer(
        f"{people} talk about {subject}, {turns} turns. Write to steer them; /stop ends it.", private=False
    )
