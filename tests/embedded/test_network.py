"""Free and taken ports."""

from __future__ import annotations

import socket

import pytest

from embedded.errors import InvalidSettingError, PortTakenError
from embedded.network import can_bind, free_port, remembered_port, require_free


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_free_port_can_be_bound():
    assert can_bind("127.0.0.1", free_port())


def test_a_taken_port_is_one_clear_line(taken_port):
    assert not can_bind("127.0.0.1", taken_port)
    with pytest.raises(PortTakenError, match=rf"^Port {taken_port} on 127.0.0.1 is taken .*PORT="):
        require_free("127.0.0.1", taken_port)


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(InvalidSettingError, match=r"192\.0\.2\.1' is no address of this machine"):
        require_free("192.0.2.1", 8000)


def test_a_port_is_remembered_while_it_is_free(tmp_path, taken_port):
    note = tmp_path / "port"

    first = remembered_port(note)
    assert remembered_port(note) == first

    note.write_text(f"{taken_port}\n")
    assert remembered_port(note) != taken_port
    note.write_text("nonsense")
    assert remembered_port(note) == int(note.read_text())
