"""Names are looked up off the caller's thread, within a time."""

import socket
import threading
import time

import pytest

from core.outbound import UrlNotAllowedError, check_target, targets
from core.outbound.resolver import Lookups, system_addresses

OVER = threading.Event()


def hanging(host: str) -> list[str]:
    """A name server that is silent for one name."""
    if host == "silent.example":
        OVER.wait(10)
    return ["93.184.215.14"]


@pytest.fixture
def silent(settings):
    settings.WEBHOOK_RESOLVER = f"{__name__}.hanging"
    OVER.clear()
    yield
    OVER.set()


@pytest.fixture
def lookups():
    made = Lookups(2)
    yield made
    made.close()


@pytest.mark.usefixtures("silent")
class TestLookups:
    def test_gives_up_when_the_time_is_over(self, lookups):
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            lookups.wait("silent.example", seconds=0.2)
        assert time.monotonic() - begun < 1.0

    def test_goes_on_with_others_meanwhile(self, lookups):
        lookups.start("silent.example")
        assert lookups.wait("hooks.example", seconds=2) == ["93.184.215.14"]

    def test_has_no_more_threads_than_it_was_given(self, lookups):
        for _ in range(2):
            lookups.start("silent.example")
        with pytest.raises(TimeoutError):
            lookups.wait("hooks.example", seconds=0.2)

    def test_a_url_whose_name_is_not_answered_is_refused(self, monkeypatch):
        monkeypatch.setattr(targets, "RESOLVE_SECONDS", 0.2)
        with pytest.raises(UrlNotAllowedError):
            check_target("https://silent.example/")


def test_the_system_knows_this_machine_and_puts_ipv4_first(monkeypatch):
    entries = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    assert system_addresses("localhost") == ["127.0.0.1", "::1"]


def test_a_label_that_cannot_be_encoded_is_a_name_without_an_address(settings, lookups):
    settings.WEBHOOK_RESOLVER = "core.outbound.resolver.system_addresses"
    with pytest.raises(OSError):  # noqa: PT011 - any
        lookups.wait(f"{'a' * 64}.example", seconds=2)
