"""Which addresses count as public."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.addresses import Allow, PublicOnly, public


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "151.101.1.69", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_public(address: str) -> None:
    assert public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.8.8.8",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::808:808",
        "100::1",
        "2001:0:53aa:64c:0:0:f5ff:fffe",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_not_public(address: str) -> None:
    assert not public(ip_address(address))


@given(st.ip_addresses())
def test_whatever_python_calls_special_is_not_public(found: IPv4Address | IPv6Address) -> None:
    if (
        found.is_private
        or found.is_loopback
        or found.is_multicast
        or found.is_link_local
        or found.is_unspecified
    ):
        assert not public(found)


def test_ports() -> None:
    policy = PublicOnly()
    assert policy.permits("example.org", 443, ip_address("8.8.8.8"))
    assert policy.permits("example.org", 8080, ip_address("8.8.8.8"))
    assert not policy.permits("example.org", 25, ip_address("8.8.8.8"))


def test_allow_is_exact() -> None:
    policy = Allow.of([("LocalHost", 8000), ("127.0.0.1", 9000)])
    here = ip_address("127.0.0.1")
    assert policy.permits("localhost", 8000, here)
    assert policy.permits("127.0.0.1", 9000, here)
    assert not policy.permits("localhost", 9000, here)
    assert not policy.permits("127.0.0.1", 8000, here)
    assert policy.permits("example.org", 443, ip_address("1.1.1.1"))
