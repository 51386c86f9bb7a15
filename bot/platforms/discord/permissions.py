"""What the bot needs to be allowed, and how it says what is missing."""

import discord

from agent.errors import PlatformError, PlatformRefused

NEEDED = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    read_message_history=True,
    manage_webhooks=True,
)
# Codes of Discord's documentation ("JSON error codes") whose text alone tells nobody what to do.
_MENDS = {
    200_000: "let the server's AutoMod pass what the bot says, or take the word out of its list",
    200_001: "let the server's AutoMod pass what the bot says, or take the word out of its list",
    240_000: "Discord takes a link in it for harmful",
    160_005: "unlock the thread",
    50_083: "take the thread out of the archive, or write in it",
}
# Why characters have no webhook somewhere, as the journal's memory has it, and what people are told of it.
WEBHOOK_HINTS = {
    "hinted": (
        "I may not manage webhooks here, so characters speak under my name. Give me **Manage Webhooks** in this "
        "channel and they get their own names and faces."
    ),
    "hinted-full": (
        "This channel has as many webhooks as Discord allows, so characters speak under my name. Delete one that "
        "nobody needs (Edit Channel > Integrations) and they get their own names and faces."
    ),
}


def invite(application_id: int) -> str:
    """The link that invites the bot with exactly the permissions it needs."""
    return discord.utils.oauth_url(
        application_id, permissions=NEEDED, scopes=("bot", "applications.commands")
    )


def allowed(channel: object) -> discord.Permissions:
    """What we may do there as far as the cache knows; everything where it does not (Discord will say)."""
    guild = getattr(channel, "guild", None)
    me = getattr(guild, "me", None)
    if me is None or not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return discord.Permissions.all()
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return discord.Permissions.all()
    return channel.permissions_for(me)


def may_post(channel: object) -> bool:
    have = allowed(channel)
    sends = have.send_messages_in_threads if isinstance(channel, discord.Thread) else have.send_messages
    return have.view_channel and sends


def refusal(error: discord.HTTPException, channel: object, deed: str) -> PlatformError:
    """Discord's no in words a person can act on. It is for good, but where the token itself is refused: then nothing
    goes until the owner has mended that."""
    kind = PlatformError if error.status == 401 else PlatformRefused
    where = getattr(channel, "name", None)
    where = f"#{where}" if where else "a Discord channel"
    if isinstance(error, discord.Forbidden):
        have = allowed(channel)
        missing = [name for name, needed in NEEDED if needed and not getattr(have, name)]
        if not isinstance(channel, discord.Thread):
            missing = [name for name in missing if name != "send_messages_in_threads"]
        named = ", ".join(_spoken(name) for name in missing) or "View Channel and Send Messages"
        return kind(
            f"Discord does not let me {deed} ({error.text or 'forbidden'})",
            where=where,
            mend=f"give the bot: {named}",
        )
    return kind(
        f"Discord refused to {deed} ({error.text or error.status})",
        where=where,
        mend=_MENDS.get(error.code, ""),
    )


def _spoken(permission: str) -> str:
    """A permission's name as Discord's settings page has it."""
    return {"read_messages": "View Channel"}.get(permission, permission.replace("_", " ").title())
