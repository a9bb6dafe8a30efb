"""What a hostile artefact must not have touched: a file, a folder, a socket, the process table."""

from __future__ import annotations

import ctypes
import os
import socket
from pathlib import Path

from tests.hostile.recipe import Lures

IN_ACCESS, IN_MODIFY, IN_OPEN, IN_CREATE = 0x1, 0x2, 0x20, 0x100  # linux/inotify.h
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Lures in a folder of their own, and the means to see that they were taken."""

    def __init__(self, folder):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        secret = folder / "secret"
        secret.write_bytes(b"a secret of the host " * 10)
        self.lures = Lures(secret, folder / "forbidden", self._listener.getsockname()[1])
        self._queue = libc.inotify_init1(os.O_NONBLOCK)
        assert self._queue >= 0
        events = IN_ACCESS | IN_MODIFY | IN_OPEN | IN_CREATE
        for path in (folder, secret):
            assert libc.inotify_add_watch(self._queue, bytes(path), events) >= 0
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)  # what a child leaves behind becomes ours
        self._processes = descendants()

    def touched(self):
        """What was reached since the last look; [] when all is well."""
        found = []
        try:
            os.read(self._queue, 4_096)
            found.append("the secret or its folder was opened")
        except BlockingIOError:
            pass
        if self.lures.forbidden.exists():
            found.append("the forbidden path exists")
        try:
            self._listener.accept()[0].close()
            found.append("the socket was called")
        except BlockingIOError:
            pass
        left = descendants() - self._processes
        if left:
            found.append(f"processes are left: {left}")
        return found

    def close(self):
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0)
        os.close(self._queue)
        self._listener.close()


def descendants():
    """Names and ids of all processes below this one that still run."""
    parents, names = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:  # ended meanwhile
            continue
        name, rest = text[text.index("(") + 1 :].rsplit(") ", 1)
        state, parent = rest.split()[:2]
        if state != "Z":
            parents[int(path.parent.name)], names[int(path.parent.name)] = int(parent), name
    below, new = set(), {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new}
        below |= new
    return {(pid, names[pid]) for pid in below}


def resident_bytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
