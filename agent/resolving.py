"""Name resolution that lets only permitted addresses through. Imported by `agent.fetch` when it fetches."""

import logging
import socket
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult

from agent.addresses import AddressPolicy

_log = logging.getLogger(__name__)


class NotPermitted(OSError):
    """The name exists, but none of its addresses may be connected to."""


class PolicyResolver(AbstractResolver):
    """Resolves by another resolver and drops each address the policy does not permit.

    aiohttp connects to exactly what this returns, so what was checked is what is used. Names that are
    addresses in disguise (`127.1`, `0x7f000001`) are seen here in their resolved form.
    """

    def __init__(self, policy: AddressPolicy, inner: AbstractResolver) -> None:
        self._policy, self._inner = policy, inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises NotPermitted, or OSError where the name is unknown."""
        found = await self._inner.resolve(host, port, family)
        name = host.lower().rstrip(".")
        kept = [one for one in found if self._policy.permits(name, port, ip_address(one["host"]))]
        if not kept:
            _log.info("refused %s by policy", name)
            raise NotPermitted(f"no permitted address among {len(found)}")
        # aiohttp shows this name to TLS and must not look it up again: it gets the address as it was checked.
        return [{**one, "flags": one["flags"] | socket.AI_NUMERICHOST} for one in kept]

    async def close(self) -> None:
        """The inner resolver belongs to whoever made it."""
