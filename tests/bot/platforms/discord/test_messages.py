"""Messages in, replies out."""

from bot.events import Deleted, Edited, Incoming, Reacted
from bot.settings import DiscordSettings
from tests.bot.platforms.discord.conftest import Town
from tests.bot.platforms.discord.house import Recorder, outgoing, place, png, running
from tests.waiting import eventually


async def test_a_picture_message_gets_a_streamed_webhook_reply(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox) as platform:
        said = await d.say(town.john, town.channel, "What is this?", files=[png()])
        await inbox.until(lambda r: r.heard())
        delivery = await platform.open(outgoing(inbox.heard()[0].place, after=said["id"]))
        for words in ("You see,", "You see, but you do not"):  # each is shown before the next is there
            await delivery.update(words)
            await d.until(town.channel, lambda seen, w=words: seen[-1].content == w)  # type: ignore[misc]
        ids = await delivery.finish("You see, but you do not observe.")
    (heard,) = inbox.heard()
    assert (heard.id, heard.text, heard.author.name) == (said["id"], "What is this?", "John")
    assert heard.place.server == town.guild["id"]
    assert not heard.place.private
    assert heard.attachments[0].url.startswith("https://cdn.discordapp.com/")
    reply = d.messages(town.channel)[-1]
    assert reply.webhook
    assert reply.author == "Sherlock Holmes"
    assert reply.versions == ("You see,", "You see, but you do not", "You see, but you do not observe.")
    assert not reply.mentions_allowed
    assert reply.avatar.startswith("https://cdn.discordapp.com/emojis/")
    assert inbox.posts == [("turn-1", reply.id)]
    assert ids == (reply.id,)
    assert isinstance(inbox.events[0], Incoming)


async def test_typing_is_shown_until_the_first_words(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox) as platform:
        delivery = await platform.open(outgoing(place(town.channel)))
        await eventually(lambda: d.rest.typed)
        await delivery.finish("Quite so.")
    assert d.messages(town.channel)[-1].content == "Quite so."


async def test_a_mention_a_reply_and_quoted_pictures_are_told(town: Town, inbox: Recorder) -> None:
    d = town.discord
    mary, elsewhere = d.user("Mary", manager=True), d.channel(town.guild, "elsewhere")
    async with running(d, inbox):
        first = await d.say(town.john, town.channel, files=[png()])
        await d.say(mary, town.channel, f"<@{d.bot.id}> and this?", reply_to=first["id"])
        original = await d.say(town.john, elsewhere, "a find", files=[png(9)])
        await d.say(mary, town.channel, forwards=original)
        await inbox.until(lambda r: len(r.heard()) == 4)
    plain, asking, _, forwarding = inbox.heard()
    assert not plain.mentions_bot
    assert not plain.author.manager
    assert asking.text == "and this?"
    assert asking.mentions_bot
    assert asking.author.manager
    assert asking.reply_to == first["id"]
    assert [a.filename for a in asking.quoted] == ["picture-0.png"]
    assert forwarding.text == "> a find"
    assert forwarding.reply_to == ""
    assert [a.url for a in forwarding.quoted] == [original["attachments"][0]["url"]]


async def test_order_holds_though_a_replied_to_message_is_slow_to_fetch(town: Town, inbox: Recorder) -> None:
    d = town.discord
    first = await d.say(town.john, town.channel, "before the bot came", files=[png()])
    d.fault("GET", f"/messages/{first['id']}", "delay", seconds=0.3)
    async with running(d, inbox):
        slow = await d.say(town.john, town.channel, "about that", reply_to=first["id"])
        quick = await d.say(town.john, town.channel, "and another thing")
        await d.edit(town.channel, quick, "and one more thing")
        await inbox.until(lambda r: len(r.events) == 3)
    assert [getattr(e, "id", "") for e in inbox.events] == [slow["id"], quick["id"], quick["id"]]
    assert inbox.heard()[0].quoted[0].filename == "picture-0.png"
    assert isinstance(inbox.events[2], Edited)


async def test_edits_deletions_and_reactions_follow(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox):
        said = await d.say(town.john, town.channel, "helo")
        await d.edit(town.channel, said, "hello")
        await d.react(town.john, town.channel, said["id"], "👍")
        await d.react(town.john, town.channel, said["id"], "👍", removed=True)
        await d.delete(town.channel, said["id"])
        await inbox.until(lambda r: len(r.events) == 5)
    _, edited, liked, unliked, deleted = inbox.events
    assert isinstance(edited, Edited)
    assert edited.text == "hello"
    assert isinstance(liked, Reacted)
    assert (liked.emoji, liked.removed, liked.author.name, liked.id) == ("👍", False, "John", said["id"])
    assert isinstance(unliked, Reacted)
    assert unliked.removed
    assert isinstance(deleted, Deleted)
    assert deleted.id == said["id"]
    assert {e.place.key for e in inbox.events} == {f"discord:{town.channel['id']}"}


async def test_threads_and_forum_posts_are_places_of_their_own(town: Town, inbox: Recorder) -> None:
    d = town.discord
    forum = d.channel(town.guild, "riddles", forum=True, nsfw=True)
    inbox.script = lambda event: [("ada-lovelace", ["Indeed.", "Indeed, it computes."])]
    async with running(d, inbox):
        thread = await d.start_thread(town.channel, "a side matter")
        await d.say(town.john, thread, "in the thread")
        await d.until(thread, lambda seen: seen[-1].content == "Indeed, it computes.")
        post, _ = await d.post_in_forum(town.john, forum, "A riddle", "in the forum", files=[png()])
        await d.until(post, lambda seen: seen[-1].content == "Indeed, it computes.")
    inside, posted = inbox.heard()
    assert (inside.place.id, inside.place.parent) == (thread["id"], town.channel["id"])
    assert (posted.place.id, posted.place.parent, posted.place.adult) == (post["id"], forum["id"], True)
    assert not inside.place.adult
    assert d.messages(thread)[-1].author == "Ada Lovelace"
    assert d.messages(post)[-1].webhook
    assert len(d.messages(town.channel)) == 0


async def test_direct_messages_are_answered_under_the_bots_name(town: Town, inbox: Recorder) -> None:
    d = town.discord
    inbox.script = lambda event: [("sherlock-holmes", ["Good evening."])]
    async with running(d, inbox):
        dm = d.dm(town.john)
        said = await d.say(town.john, dm, "Good evening")
        await d.until(dm, lambda seen: len(seen) == 2)
    assert inbox.heard()[0].place.private
    reply = d.messages(dm)[-1]
    assert (reply.content, reply.reply_to) == ("**Sherlock Holmes:** Good evening.", said["id"])


async def test_a_long_reply_is_split_and_its_code_fences_are_mended(town: Town, inbox: Recorder) -> None:
    d = town.discord
    code = "\n".join(f"print({i})" for i in range(400))
    text = f"Behold.\n\n```python\n{code}\n```\nThat is all. 👨‍👩‍👧"
    async with running(d, inbox):
        await inbox.speak(outgoing(place(town.channel)), [text[:1_500], text[:2_600], text])
    seen = d.messages(town.channel)
    assert len(seen) > 2
    assert inbox.finished["turn-1"] == tuple(m.id for m in seen)
    assert [i for _, i in inbox.posts] == [m.id for m in seen]
    assert all(m.content.count("```") % 2 == 0 and len(m.content) <= 2_000 for m in seen)
    assert all(v.count("```") % 2 == 0 for m in seen for v in m.versions)
    said = "\n".join(m.content for m in seen)
    assert [line for line in said.splitlines() if line.startswith("print")] == code.splitlines()


async def test_a_shorter_final_text_takes_back_spare_messages_silently(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox) as platform:
        delivery = await platform.open(outgoing(place(town.channel)))
        await delivery.update("long " * 700)
        await d.until(town.channel, lambda seen: len(seen) == 2)
        await delivery.finish("Short.")
        await d.say(town.john, town.channel, "And?")  # heard after whatever the bot's own deletion set off
        await inbox.until(lambda r: r.events)
    assert [m.content for m in d.messages(town.channel)] == ["Short.", "And?"]
    assert len(inbox.posts) == 2
    assert [e.text for e in inbox.heard()] == ["And?"]
    assert len(inbox.events) == 1


async def test_abort_takes_back_what_was_shown_and_says_why(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox) as platform:
        delivery = await platform.open(outgoing(place(town.channel)))
        await delivery.update("I was about to")
        await d.until(town.channel, lambda seen: len(seen) == 1)
        await delivery.abort("The model is not to be reached.")
    (notice,) = d.messages(town.channel)
    assert (notice.author, notice.content) == ("Vignette", "The model is not to be reached.")


async def test_forbidden_names_bots_and_lists(town: Town, inbox: Recorder) -> None:
    d = town.discord
    other = d.channel(town.guild, "other")
    robot = d.world.add_user("Robot", bot=True)
    settings = DiscordSettings(edits_per_second=5, allowed_channels=(int(town.channel["id"]),))
    async with running(d, inbox, settings=settings):
        await d.say(town.john, other, "not for you")
        await d.say(robot, town.channel, "beep")
        thread = await d.start_thread(town.channel, "inside")
        await d.say(town.john, thread, "for you")
        await inbox.until(lambda r: r.heard())
        await inbox.speak(outgoing(place(town.channel), "clyde"), ["Hello."])
    assert [e.text for e in inbox.heard()] == ["for you"]
    assert d.messages(town.channel)[-1].author == "Cly-de of Dis-cord"


async def test_history_gives_what_people_said_since(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox) as platform:
        first = await d.say(town.john, town.channel, "one")
        await inbox.speak(outgoing(place(town.channel)), ["A reply."])
        second = await d.say(town.john, town.channel, "two", files=[png()])
        found = [e async for e in platform.history(place(town.channel), first["id"])]
        d.deny(town.channel, "read_message_history")
        unread = [e async for e in platform.history(place(town.channel), first["id"])]
    assert [(e.id, e.text, len(e.attachments)) for e in found] == [(second["id"], "two", 1)]
    assert unread == []


async def test_where_people_spoke_since_a_link_says_what_is_answered(town: Town, inbox: Recorder) -> None:
    d = town.discord
    async with running(d, inbox):
        first = await d.say(town.john, town.channel, "one")
        second = await d.say(town.john, town.channel, "two")
        await inbox.until(lambda r: len(r.heard()) == 2)
        for number, said in enumerate((first, second)):
            turn = outgoing(place(town.channel), turn_id=f"turn-{number}", after=said["id"])
            await inbox.speak(turn, ["An answer."])
    linked, plain = d.messages(town.channel)[2:]
    at = f"https://discord.com/channels/{town.guild['id']}/{town.channel['id']}/{first['id']}"
    assert linked.content == f"-# ↪ {at}\nAn answer."
    assert plain.content == "An answer."
