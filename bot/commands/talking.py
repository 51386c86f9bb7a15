"""/talk, /again, /new, /stop, /why: the dialogue of a channel."""

from agent.errors import CharacterError
from bot.commands.base import Context
from bot.events import Answer, Incoming
from bot.house import now
from bot.places import channel_of
from journal import channels, dialogues, feedback, turns
from journal.turns import TurnRow


async def talk(ctx: Context) -> Answer:
    """A picture and words to one character. The words become a person's turn like any other."""
    character = ctx.character()
    words = ctx.text("words")
    if not words and not ctx.command.attachments:
        raise CharacterError("there is nothing to answer", mend="give words, a picture, or both")
    await ctx.bot.receive(
        Incoming(
            place=ctx.place,
            author=ctx.author,
            id=ctx.command.id,
            text=words,
            attachments=ctx.command.attachments,
            addressed=(character.id,),
            at=now(),
        ),
        commanded=True,
    )
    shows = "shows a picture to" if ctx.command.attachments else "says to"
    return Answer(
        f"**{ctx.author.name}** {shows} **{character.name}**" + (f": {words}" if words else "."),
        private=False,
    )


async def again(ctx: Context) -> Answer:
    """Another answer in place of a character's last one; the first is kept in the journal."""
    async with ctx.house.journal.read() as tx:
        last = await _meant(ctx, unsaid=True)
        asked = await turns.get(tx, last.reply_to) if last and last.reply_to else None
    if last is None:
        raise CharacterError("no character has answered here yet", mend="/talk asks one")
    character = ctx.house.character(last.speaker_id, ctx.place)
    root = last.alternative_of or last.id
    async with ctx.house.journal.write() as tx:
        turn = await turns.plan(
            tx,
            dialogue_id=last.dialogue_id,
            channel_id=ctx.place.key,
            character=ctx.house.equipped(character, ctx.place.key),
            rule="another answer was asked for",
            reply_to=last.reply_to,
            witnesses=await turns.witnesses(tx, root),
            alternative_of=root,
        )
        if last.state in turns.SPOKEN:  # of what was never said nobody thinks anything
            await feedback.add(tx, last.id, ctx.author.key, "again", turn.id)
    after = asked.message_ids[-1] if asked and asked.message_ids else ""

    async def job() -> None:
        async with ctx.bot.lanes.turn(ctx.place.key):
            await ctx.bot.turns.answer(turn, ctx.place, after=after)

    ctx.bot.lanes.put(ctx.place.key, job, urgent=True)
    kept = "; the first answer stays in the journal" if last.state in turns.SPOKEN else ""
    return Answer(f"{character.name} is asked again{kept}.")


async def new(ctx: Context) -> Answer:
    """Ends the dialogue; the next words begin another."""
    async with ctx.house.journal.write() as tx:
        await channels.touch(tx, channel_of(ctx.place))
        current = await dialogues.current(tx, ctx.place.key, now=now(), idle=ctx.house.idle)
        if current:
            await dialogues.end(tx, current.id, "new", now=now())
    if not current:
        return Answer("There is no dialogue to end: the next words begin a new one.")
    return Answer("This dialogue is closed. The characters begin afresh with the next words.", private=False)


async def stop(ctx: Context) -> Answer:
    """Stops whoever speaks in the channel, and a duet."""
    duet = await ctx.bot.duets.stop(ctx.place.key)
    stopped = ctx.bot.turns.speaking.stop(ctx.place.key)
    if duet:
        return Answer("The duet is stopped.", private=False)
    return Answer("Stopped." if stopped else "Nobody is speaking here.")


async def why(ctx: Context) -> Answer:
    """Why a character answered, and how the answer was made."""
    turn = await _meant(ctx)
    if turn is None:
        return Answer("No character has answered here yet.")
    lines = [f"{turn.speaker_name} answered because {turn.rule}."]
    if turn.made:
        m = turn.made
        lines.append(
            f"Made by `{m.model}` with template `{m.template_version}`, seed {m.seed}: {m.prompt_tokens} prompt "
            f"tokens ({m.cached_tokens} cached), {m.reply_tokens} reply tokens, the first after "
            f"{m.first_token_ms:.0f} ms, all after {m.total_ms:.0f} ms."
        )
        if m.refused:
            shown = "; what you read is a line of the card's" if m.finish == "line" else ""
            lines.append(f"Not shown before it, since it {m.refused.replace('; ', '; it ')}{shown}.")
        if m.finish == "unfit":
            lines.append("It was cut before words that only its prompt has.")
        if m.dropped_turns:
            lines.append(f"The {m.dropped_turns} oldest turns did not fit and were left out.")
    lines.append(f"Character version {turn.character_version}; turn `{turn.id}`.")
    return Answer("\n".join(lines))


async def _meant(ctx: Context, *, unsaid: bool = False) -> TurnRow | None:
    """The turn a command is about: the message it names, else the character's last one here; with `unsaid`
    also one of which nothing came."""
    async with ctx.house.journal.read() as tx:
        message = ctx.text("message")
        if message:
            named = await turns.by_message(tx, ctx.place.platform, message) or await turns.get(tx, message)
            if named and named.speaker_kind == "character" and named.channel_id == ctx.place.key:
                return named
        last = turns.last_asked if unsaid else turns.last_by_character
        return await last(tx, ctx.place.key)
