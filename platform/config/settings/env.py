"""Readers of environment variables that fail loudly, name the variable, print no secret."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def load_environment_file(path: Path) -> None:
    """Take KEY=VALUE lines for variables that the environment does not set itself.

    `make run` writes such a file under STATE_DIR, so that a command typed in a second terminal
    finds the same database and broker.
    """
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        name, separator, value = line.partition("=")
        if separator and name.isidentifier():
            os.environ.setdefault(name, value)


def env_str(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"The environment variable {name} is not set.")
    return value


def env_bool(name: str, *, default: bool) -> bool:
    value = os.environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in TRUE:
        return True
    if value.strip().lower() in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be one of 1, 0, true, false, yes, no, on, off.")


def env_int(name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error
    if number < minimum or (maximum is not None and number > maximum):
        raise ImproperlyConfigured(f"{name} must lie between {minimum} and {maximum or 'any'}.")
    return number


def env_seconds(name: str, default: float, *, minimum: float = 0.0) -> float:
    """A duration in seconds; fractions are allowed."""
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        seconds = float(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number of seconds.") from error
    if not minimum <= seconds < float("inf"):
        raise ImproperlyConfigured(f"{name} must be at least {minimum} seconds.")
    return seconds


def env_list(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Comma-separated values, trimmed; empty parts are dropped."""
    value = os.environ.get(name)
    if value is None:
        return list(default)
    return [part.strip() for part in value.split(",") if part.strip()]


def env_secret(name: str) -> str:
    """One secret from NAME, or from the file NAME_FILE; empty when neither is set."""
    path = os.environ.get(f"{name}_FILE")
    if path is None:
        return os.environ.get(name, "")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from error


def env_secrets(name: str, *, minimum_length: int) -> list[str]:
    """A rotation list of secrets, newest first: the first makes, all of them check.

    Read from NAME (comma-separated) or from the file NAME_FILE (one a line).
    """
    path = os.environ.get(f"{name}_FILE")
    if path is not None:
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from error
    else:
        lines = os.environ.get(name, "").split(",")
    secrets = [line.strip() for line in lines if line.strip()]
    if not secrets:
        raise ImproperlyConfigured(f"Set {name} or {name}_FILE.")
    if any(len(secret) < minimum_length for secret in secrets):
        raise ImproperlyConfigured(f"Each secret of {name} needs {minimum_length} characters.")
    return secrets


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """The parts of postgresql://user:password@host:port/name."""

    user: str
    password: str
    host: str
    port: int
    name: str


def parse_database_url(name: str, value: str) -> DatabaseUrl:
    """Take a PostgreSQL URL apart; the message names the variable and never shows the value."""
    try:
        parts = urlsplit(value)
        port = parts.port or 5432
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not a URL.") from error
    database = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in {"postgres", "postgresql"} or not database or "/" in database:
        raise ImproperlyConfigured(
            f"{name} must look like postgresql://user:password@host:5432/name."
        )
    return DatabaseUrl(
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=parts.hostname or "127.0.0.1",
        port=port,
        name=database,
    )


def redis_url(base: str, database: int) -> str:
    """The base URL (redis://:password@host:port) with a database number."""
    parts = urlsplit(base)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ImproperlyConfigured("REDIS_URL must look like redis://:password@host:6379.")
    return parts._replace(path=f"/{database}").geturl()
