"""Which addresses are the public Internet's: every special range says no."""

import pytest

from core.outbound.addresses import is_loopback, is_public


class TestIsPublic:
    @pytest.mark.parametrize(
        "address", ["1.1.1.1", "93.184.215.14", "203.0.114.1", "2606:4700::1111", "2a00:1450::1"]
    )
    def test_takes_what_anybody_can_reach(self, address):
        assert is_public(address)

    @pytest.mark.parametrize(
        "address",
        [
            *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200"),  # noqa: S104 - nothing is bound
            *("127.0.0.1", "127.255.0.9", "169.254.169.254", "168.63.129.16", "172.16.0.1"),
            *("172.31.255.254", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
            *("198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1"),
            *("239.255.255.255", "240.0.0.1", "255.255.255.255"),
        ],
    )
    def test_refuses_every_special_range_of_ipv4(self, address):
        assert not is_public(address)

    @pytest.mark.parametrize(
        "address",
        [
            *("::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8", "fe80::1", "fec0::1"),
            *("fc00::1", "fd00:ec2::254", "ff02::1", "64:ff9b::8.8.8.8", "64:ff9b:1::1"),
            *("2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:0:4136:e378::1", "2001:db8::1"),
            *("100::1", "3fff::1", "5f00::1", "4000::1"),
        ],
    )
    def test_refuses_every_special_range_of_ipv6_and_whatever_holds_ipv4(self, address):
        assert not is_public(address)

    @pytest.mark.parametrize("text", ["", "example.org", "fe80::1%eth0", "2606:4700::1%1", "1.1"])
    def test_refuses_what_is_no_address_or_has_a_scope(self, text):
        assert not is_public(text)


class TestIsLoopback:
    @pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1"])
    def test_is_this_machine(self, address):
        assert is_loopback(address)

    @pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.1", "::ffff:127.0.0.1", "x"])  # noqa: S104 - likewise
    def test_is_nothing_else(self, address):
        assert not is_loopback(address)
