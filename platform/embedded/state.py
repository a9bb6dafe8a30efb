"""The state directory: what lies where, its secrets, its lock, what other commands read."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from embedded.errors import AlreadyRunningError, DiskFullError, StateDirectoryError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Self

NEW_BYTES = 200 * 1024**2  # a new cluster, its write-ahead log, the demo model
MORE_BYTES = 50 * 1024**2  # room for what a start writes to data that are there
SECRET_BYTES = 48  # of randomness: 64 characters, above every minimum in the settings
FULL = {errno.ENOSPC, errno.EDQUOT}

# File under secrets/ by the variable that names it.
ROTATION_LISTS = {
    "SECRET_KEYS": "secret_key",
    "JWT_KEYS": "jwt_key",
    "CURSOR_KEYS": "cursor_key",
    "PEPPERS": "pepper",
    "WEBHOOK_KEYS": "webhook_key",
}


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Paths under STATE_DIR; `open()` makes them."""

    root: Path

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def redis(self) -> Path:
        return self.root / "redis"

    @property
    def artefacts(self) -> Path:
        return self.root / "artefacts"

    @property
    def static(self) -> Path:
        return self.root / "static"

    @property
    def environment(self) -> Path:
        return self.root / "environment"

    @property
    def lock(self) -> Path:
        return self.root / "run.lock"

    def open(self) -> None:
        """Make the layout.

        Raises:
            StateDirectoryError: it cannot be made or written.
            DiskFullError: fewer than 200 MB are free, or 50 MB when there are data already.
        """
        try:
            # 0711: PostgreSQL, when it runs under another account, passes through and sees nothing.
            self.root.mkdir(mode=0o711, parents=True, exist_ok=True)
            for folder in (self.secrets, self.logs, self.redis, self.artefacts, self.static):
                folder.mkdir(mode=0o700, exist_ok=True)
            self.postgres.mkdir(mode=0o711, exist_ok=True)
            probe = self.root / f".probe-{os.getpid()}"
            probe.write_bytes(b"written\n")
            probe.unlink()
        except OSError as error:
            raise self.explain(error) from error
        is_new = not (self.postgres / "data").exists()
        needed = NEW_BYTES if is_new else MORE_BYTES
        free = shutil.disk_usage(self.root).free
        if free < needed:
            raise DiskFullError(
                f"The disk of STATE_DIR {self.root} is nearly full: {free // 1024**2} MB are free,"
                f" {needed // 1024**2} MB are needed."
            )

    def explain(self, error: OSError) -> StateDirectoryError | DiskFullError:
        """One clear line for a failed write."""
        if error.errno in FULL:
            return DiskFullError(f"The disk of STATE_DIR {self.root} is full.")
        return StateDirectoryError(f"STATE_DIR {self.root} cannot be used: {error.strerror}.")

    def secret(self, name: str) -> str:
        """The newest secret of a list, made at first use. Never printed, 0600."""
        path = self.secrets / name
        try:
            if not path.exists():
                write_private(path, secrets.token_urlsafe(SECRET_BYTES) + "\n")
            lines = path.read_text(encoding="utf-8").split()
        except OSError as error:
            raise self.explain(error) from error
        if not lines:
            raise StateDirectoryError(f"The secret file {path} is empty: delete it or fill it.")
        return lines[0]

    def secret_files(self, given: Mapping[str, str]) -> dict[str, str]:
        """NAME_FILE variables for the rotation lists that the caller's environment leaves open."""
        files = {}
        for variable, name in ROTATION_LISTS.items():
            if variable in given or f"{variable}_FILE" in given:
                continue
            self.secret(name)
            files[f"{variable}_FILE"] = str(self.secrets / name)
        return files

    def write_environment(self, variables: Mapping[str, str]) -> None:
        """Replace `environment` at once: KEY=VALUE lines that settings.local reads."""
        for name, value in variables.items():
            if "\n" in value:
                raise StateDirectoryError(f"{name} must not contain a line break.")
        text = "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))
        try:
            write_private(self.environment, text)
        except OSError as error:
            raise self.explain(error) from error


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads (0600): whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


class RunLock:
    """Held while a platform runs on a state directory; the kernel frees it with the process."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state
        self._descriptor = -1

    def __enter__(self) -> Self:
        try:
            self._descriptor = os.open(self._state.lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._state.explain(error) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise AlreadyRunningError(
                f"STATE_DIR {self._state.root} is in use by process {holder}:"
                " stop it, or choose another STATE_DIR (and PORT)."
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)


def state_directory(environment: Mapping[str, str]) -> StateDirectory:
    """STATE_DIR of an environment, made absolute; default `var/` in the checkout."""
    root = environment.get("STATE_DIR") or str(checkout() / "var")
    return StateDirectory(Path(root).expanduser().resolve())


def checkout() -> Path:
    """The folder that holds manage.py."""
    return Path(__file__).resolve().parents[2]
