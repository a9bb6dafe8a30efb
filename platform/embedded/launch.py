"""Becomes another program: under the right identity, and ended by the kernel when its starter dies.

Run as `python -I -S launch.py PARENT_PID DEATH_SIGNAL IDENTITY PROGRAM [ARGUMENT...]`. IDENTITY is

    keep          the caller's own;
    map:UID:GID   a user namespace in which the caller's uid and gid are called UID and GID:
                  outside, nothing changes (files stay the caller's), inside, it is not root;
    set:UID:GID   that account, for good (needs root).

A program of its own, since the same between fork and exec of a threaded Python could deadlock
(prctl(2), user_namespaces(7)). Standard library only; no site-packages are looked at.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

CLONE_NEWUSER = 0x10000000  # unshare(2)
PR_SET_PDEATHSIG = 1  # prctl(2)
CANNOT_LAUNCH = 126  # exit code, as a shell's "found but could not be run"


def main(arguments: list[str]) -> None:
    parent, death_signal, identity, *command = arguments
    # Before the change of identity: afterwards, Python's own files may be out of reach.
    program = find(command[0])
    take_identity(identity)
    # After the change of identity, which clears it.
    die_with_parent(int(parent), int(death_signal))
    os.execv(program, command)  # noqa: S606 - this program exists to do exactly that


def find(name: str) -> str:
    """The path of a program, as a shell finds it on PATH."""
    if "/" in name:
        return name
    paths = (f"{folder}/{name}" for folder in os.get_exec_path())
    return next((path for path in paths if os.access(path, os.X_OK)), name)


def take_identity(identity: str) -> None:
    kind, _, numbers = identity.partition(":")
    if kind == "keep":
        return
    uid, gid = (int(number) for number in numbers.split(":"))
    if kind == "map":
        enter_user_namespace(uid, gid)
    else:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def enter_user_namespace(uid: int, gid: int) -> None:
    """Give this process's own uid and gid other numbers; needs no right that a user lacks."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "no user namespace can be made")
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{uid} {outer_uid} 1")
    write("/proc/self/gid_map", f"{gid} {outer_gid} 1")


def write(path: str, text: str) -> None:
    # One write call: the kernel takes a map whole or not at all.
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def die_with_parent(parent: int, death_signal: int) -> None:
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"cannot start {sys.argv[4] if len(sys.argv) > 4 else '?'}: {error}\n")  # noqa: PLR2004 - the program's place
        sys.exit(CANNOT_LAUNCH)
