"""The bot accounts of one process: the main one, and characters' own. Each is one supervised client."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import discord

from agent.errors import PlatformError
from bot.platforms.discord.client import Client
from bot.platforms.discord.webhooks import Webhooks

log = logging.getLogger(__name__)

PORTAL = "https://discord.com/developers/applications"
NO_CONTENT = (
    "Discord has not granted the Message Content intent: only mentions, replies that ping the bot, direct messages, "
    f"commands and the context menu are understood. To mend it: switch it on at {PORTAL} > Bot"
)


@dataclass(eq=False)
class Account:
    """One bot account. `character` is the id of the character whose own account it is, empty for the main one.
    `content`: with the message content intent."""

    token: str = field(repr=False)
    character: str = ""
    content: bool = True
    client: Client | None = None
    hooks: Webhooks | None = None
    user_id: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def label(self) -> str:
        return f"account of {self.character}" if self.character else "main account"


class Accounts:
    """The first is the main one: it has the commands and the webhooks. That is a character's where there is no
    main token."""

    def __init__(self, token: str, characters: Mapping[str, str]) -> None:
        own = [Account(t, character) for character, t in characters.items()]
        self.all: Sequence[Account] = ([Account(token)] if token else []) + own
        if not self.all:
            raise PlatformError(
                "there is no Discord token", mend="set DISCORD_TOKEN in the environment or .env"
            )
        if len({a.token for a in self.all}) != len(self.all):
            raise PlatformError(
                "two Discord accounts have the same token", mend="give each character's account its own token"
            )

    @property
    def main(self) -> Account:
        return self.all[0]

    @property
    def characters(self) -> Mapping[int, str]:
        """User ids of characters' own accounts."""
        return {a.user_id: a.character for a in self.all if a.character and a.user_id}

    @property
    def applications(self) -> frozenset[int]:
        """Ids of our own applications, as far as they have connected. Old ones differ from their bot's user id."""
        clients = [a.client for a in self.all if a.client is not None]
        known = {c.application_id for c in clients if c.application_id is not None}
        return frozenset(known | {a.user_id for a in self.all})

    def of(self, character_id: str) -> Account | None:
        """A character's own account, if it has one that is connected."""
        return next((a for a in self.all if a.character == character_id and a.ready.is_set()), None)

    def feeds(self, account: Account, guild: discord.Guild | None) -> bool:
        """Does this account tell the bot what happens there? The first one that is in the guild does, so that
        nothing is heard twice; direct messages reach one account only."""
        if guild is None:
            return True
        for other in self.all:
            if other is account:
                return True
            if other.client is not None and other.client.get_guild(guild.id) is not None:
                return False
        return False

    async def all_ready(self, seconds: float) -> None:
        """Waits until every account is ready, but no longer than this."""
        waiting = [asyncio.create_task(a.ready.wait()) for a in self.all]
        _, late = await asyncio.wait(waiting, timeout=seconds)
        for task in late:
            task.cancel()


async def keep(account: Account, connect: Callable[[Account], Client], pause: float) -> None:
    """Runs an account until cancelled. Whatever kills its client (discord.py gives up when its very first
    connect fails) is followed by a new client after a while; PlatformError for what only a person can mend."""
    failures = 0
    while True:
        client = account.client = connect(account)
        try:
            await client.start(account.token)
        except discord.PrivilegedIntentsRequired as error:
            if not account.content:
                raise _mendable(
                    account, "Discord refuses the intents asked for", "check the bot's page"
                ) from error
            account.content = False
            log.warning("%s: %s", account.label, NO_CONTENT)
            continue
        except discord.LoginFailure as error:
            raise _mendable(account, "Discord does not accept the token", "copy a new token") from error
        except discord.ConnectionClosed as error:
            if error.code == 4004:
                raise _mendable(account, "Discord does not accept the token", "copy a new token") from error
            if error.code == 4014:
                raise _mendable(account, "Discord refuses the intents", "switch them on") from error
            if error.code in (4010, 4011, 4012, 4013):
                raise _mendable(account, f"Discord closed with {error.code}", "update discord.py") from error
            log.warning("%s: the connection was closed: %s", account.label, error)
        except Exception as error:  # noqa: BLE001  (a supervisor: logged, then tried again)
            log.warning("%s: the client ended: %r", account.label, error)
        finally:
            failures = 0 if account.ready.is_set() else failures + 1
            account.ready.clear()
            await _closed(account)
        await asyncio.sleep(min(pause * 2 ** min(failures, 8), 120) * random.uniform(0.8, 1.2))


async def _closed(account: Account) -> None:
    client, hooks = account.client, account.hooks
    account.hooks = None
    if hooks is not None:
        await hooks.close()
    if client is not None:
        await client.close()


def _mendable(account: Account, what: str, deed: str) -> PlatformError:
    return PlatformError(what, where=f"Discord, {account.label}", mend=f"{deed} at {PORTAL} > Bot")
