"""Under which account PostgreSQL runs, which refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from typing import TYPE_CHECKING

from embedded.errors import NoIdentityError
from embedded.processes import launch_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROBE_TIMEOUT = 10  # seconds
ROOT = 0


def find_identity(*, folder: Path, program: Path) -> str:
    """The launcher's identity for a server that writes under `folder` and is not root.

    An ordinary user keeps his own. Root becomes, in this order: itself under another number in a
    user namespace, which changes the owner of no file; the owner of the folder that holds the
    state; an unprivileged account of this machine. No account is added and no parent folder is
    opened up; each is tried before it is taken.

    Raises:
        NoIdentityError: none of them can reach the folder and the program.
    """
    if os.geteuid() != ROOT:
        return "keep"
    for identity in _candidates(folder):
        if _works(identity, folder=folder, program=program):
            return identity
    raise NoIdentityError(
        "PostgreSQL does not run as root, and here it cannot be run as anybody else: user"
        f" namespaces are not allowed, and no other account reaches both {folder} and {program}."
        " Run as an ordinary user, choose a STATE_DIR that others may enter (for example under"
        " /var/tmp), or set DATABASE_URL."
    )


def hand_over(folder: Path, identity: str) -> None:
    """Give what lies in a folder of ours to the account that the server runs as."""
    kind, _, numbers = identity.partition(":")
    if kind == "keep":
        return
    uid, gid = (ROOT, ROOT) if kind == "map" else (int(part) for part in numbers.split(":"))
    if folder.stat().st_uid == uid:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


def _candidates(folder: Path) -> Iterator[str]:
    accounts = [account for account in pwd.getpwall() if account.pw_uid != ROOT]
    preferred = sorted(accounts, key=lambda account: account.pw_name not in {"nobody", "postgres"})
    if preferred:
        # initdb looks its account's name up, so the number inside must be one that has a name.
        yield f"map:{preferred[0].pw_uid}:{preferred[0].pw_gid}"
    for path in (folder, *folder.parents):
        status = path.stat()
        if status.st_uid != ROOT and any(account.pw_uid == status.st_uid for account in accounts):
            yield f"set:{status.st_uid}:{status.st_gid}"
    for account in preferred[:1]:
        yield f"set:{account.pw_uid}:{account.pw_gid}"


def _works(identity: str, *, folder: Path, program: Path) -> bool:
    """Whether that identity can run the program and enter the folder."""
    try:
        probe = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            launch_command([str(program), "--version"], identity=identity),
            cwd="/",
            capture_output=True,
            timeout=PROBE_TIMEOUT,
            check=False,
        )
        enter = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            launch_command(["ls", "-d", f"{folder}/."], identity=identity),
            cwd="/",
            capture_output=True,
            timeout=PROBE_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0 and enter.returncode == 0
