"""Which addresses may be fetched. A link that a stranger posts must not make the bot read what lies inside
its owner's network: that is server-side request forgery.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Protocol

Address = IPv4Address | IPv6Address

# IANA's special-purpose registries (RFC 6890 and successors), written out: `ipaddress.is_global` differs
# between Python releases. Azure's metadata service sits on a public address.
_NOT_PUBLIC_4 = [
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",
    )
]
_GLOBAL_6 = IPv6Network("2000::/3")
# Teredo and other protocol assignments, documentation, 6to4, AS112, documentation again.
_NOT_PUBLIC_6 = [
    IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]
_NAT64 = IPv6Network("64:ff9b::/96")


def public(address: Address) -> bool:
    """Whether this is a public unicast address.

    An IPv4 address wrapped in IPv6 counts as not public, with one exception: networks without IPv4 reach
    every IPv4 site through NAT64 (RFC 6052), so there the address inside decides.
    """
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in net for net in _NOT_PUBLIC_4)
    if address in _NAT64:
        return public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return (
        address in _GLOBAL_6
        and address.scope_id is None
        and address.is_global
        and not any(address in net for net in _NOT_PUBLIC_6)
    )


class AddressPolicy(Protocol):
    """Asked with the host as written in the link (lower case), its port, and the very address that would be
    connected to."""

    def permits(self, host: str, port: int, address: Address) -> bool: ...


@dataclass(frozen=True, slots=True)
class PublicOnly:
    """The default: public addresses, on the web's ports or unprivileged ones (a picture is not fetched from a
    mail server)."""

    def permits(self, host: str, port: int, address: Address) -> bool:
        return (port in (80, 443) or port >= 1024) and public(address)


@dataclass(frozen=True, slots=True)
class Allow:
    """Exact (host, port) pairs, in addition to another policy: endpoints that the owner has configured."""

    hosts: frozenset[tuple[str, int]]
    otherwise: AddressPolicy = field(default_factory=PublicOnly)

    @classmethod
    def of(cls, hosts: Iterable[tuple[str, int]], otherwise: AddressPolicy | None = None) -> "Allow":
        """`Allow.of([("127.0.0.1", 8080)])`."""
        pairs = frozenset((host.lower().rstrip("."), port) for host, port in hosts)
        return cls(pairs, otherwise or PublicOnly())

    def permits(self, host: str, port: int, address: Address) -> bool:
        return (host, port) in self.hosts or self.otherwise.permits(host, port, address)
