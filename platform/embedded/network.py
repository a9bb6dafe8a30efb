"""Free and taken TCP ports on loopback."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from embedded.errors import InvalidSettingError, PortTakenError

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
PORT_MAXIMUM = 65_535


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def can_bind(host: str, port: int) -> bool:
    """Whether a server could listen there now. Raises InvalidSettingError for a host not ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            # Without listening, two sockets with SO_REUSEADDR could both be bound.
            probe.listen(1)
    except PermissionError as error:
        raise InvalidSettingError(f"Port {port} needs root: choose a PORT above 1023.") from error
    except socket.gaierror as error:
        raise InvalidSettingError(f"HOST {host!r} is not an address or name.") from error
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise InvalidSettingError(f"HOST {host!r} is no address of this machine.") from error
        return False
    return True


def require_free(host: str, port: int) -> None:
    """Raises PortTakenError with what can be done about it."""
    if not can_bind(host, port):
        raise PortTakenError(
            f"Port {port} on {host} is taken by another program:"
            f" stop it, or choose another with PORT=... make run."
        )


def remembered_port(path: Path) -> int:
    """The port noted in a file while it is free, else a new one, noted there.

    So the URLs of a state directory stay the same from start to start.
    """
    try:
        port = int(path.read_text())
    except (OSError, ValueError):
        port = 0
    if not 0 < port <= PORT_MAXIMUM or not can_bind(LOOPBACK, port):
        port = free_port()
    path.write_text(f"{port}\n")
    return port
