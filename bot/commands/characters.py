"""/character add, remove, list, info: who is active in a channel."""

from agent.errors import CharacterError
from agent.macros import shown
from bot.commands.base import Context
from bot.director import Talk
from bot.events import Answer
from bot.places import channel_of
from journal import channels

MOST_LISTED = 25

_WHEN = {
    Talk.ALWAYS: "answers every message",
    Talk.PICTURES: "answers pictures, and when addressed",
    Talk.MENTIONED: "answers when addressed",
}


async def add(ctx: Context) -> Answer:
    ctx.need_manager()
    character = ctx.character()
    wanted = ctx.text("talk") or Talk.PICTURES.value
    try:
        talk = Talk(wanted)
    except ValueError:
        raise CharacterError(
            f"there is no talk policy {wanted!r}", mend=f"use one of {', '.join(t.value for t in Talk)}"
        ) from None
    async with ctx.house.journal.write() as tx:
        await channels.touch(tx, channel_of(ctx.place))
        if not await channels.members(tx, ctx.place.key):
            # From here on the channel is listened to: what is missed from now is read, nothing older.
            await channels.saw(tx, ctx.place.key, ctx.command.id)
        new = await channels.add_member(
            tx, ctx.place.key, character.id, talk=talk.value, added_by=ctx.author.key
        )
        if not new:
            await channels.set_talk(tx, ctx.place.key, character.id, talk.value)
    words = shown(character.greeting, character, user=ctx.author.name) if new else ""
    greeting = f"\n> {words.splitlines()[0]}" if words else ""
    verb = "joins this channel and" if new else "was here already and now"
    return Answer(f"{character.name} {verb} {_WHEN[talk]}.{greeting}", private=False)


async def remove(ctx: Context) -> Answer:
    ctx.need_manager()
    name = ctx.text("character")
    async with ctx.house.journal.write() as tx:
        members = [m.character_id for m in await channels.members(tx, ctx.place.key)]
        # One whose file is gone from the cast can still be taken out by its id.
        wanted = name if name in members else ctx.house.cast.get(name).id
        gone = await channels.remove_member(tx, ctx.place.key, wanted)
    ctx.bot.hearing.changed(ctx.place.key)
    if not gone:
        raise CharacterError(f"{name} is not active here", mend="/character list shows who is")
    known = ctx.house.cast.characters.get(wanted)
    return Answer(f"{known.name if known else wanted} leaves this channel.", private=False)


async def listing(ctx: Context) -> Answer:
    allowed = ctx.house.allowed(ctx.place)
    async with ctx.house.journal.read() as tx:
        members = await channels.members(tx, ctx.place.key)
    lines = []
    if members:
        lines.append("**Active here**")
        for member in members:
            character = allowed.get(member.character_id)
            name = character.name if character else f"{member.character_id} (not available here any more)"
            lines.append(f"- {name}: {_WHEN[Talk(member.talk)]}")
    here = {m.character_id for m in members}
    others = [c for i, c in sorted(allowed.items()) if i not in here]
    if others:
        lines.append("**Can be invited**")
        lines += [f"- {c.introduced}" for c in others[:MOST_LISTED]]
    if len(others) > MOST_LISTED:
        lines.append(f"and {len(others) - MOST_LISTED} more: type a name in /character add to find them.")
    return Answer("\n".join(lines) or "There are no characters yet.")


async def info(ctx: Context) -> Answer:
    c = ctx.character()

    def read(text: str) -> str:
        return shown(text, c, user=ctx.author.name)

    catchphrases = "\n".join(f"- {read(p)}" for p in c.profile.catchphrases)
    speaks = f", speaks {c.language}" if c.language else ""
    parts = [
        f"**{c.name}**{f', {c.origin}' if c.origin else ''} ({c.kind.value}{speaks}; version {c.version})",
        read(c.profile.introduction),
        f"**Personality** {read(c.profile.personality)}" if c.profile.personality else "",
        f"**Catchphrases**\n{catchphrases}" if catchphrases else "",
    ]
    return Answer("\n\n".join(p for p in parts if p))
