"""What can go wrong while the platform's processes start and run; each is one clear line."""

from __future__ import annotations


class EmbeddedError(Exception):
    """Base of this package's errors: `code` is stable, `detail` is one line for a person.

    Attributes:
        log: the end of a child's log that explains it, or empty.
    """

    code = "embedded_error"

    def __init__(self, detail: str, *, log: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.log = log


class StateDirectoryError(EmbeddedError):
    code = "state_directory_unusable"


class AlreadyRunningError(EmbeddedError):
    code = "already_running"


class DiskFullError(EmbeddedError):
    code = "disk_full"


class PortTakenError(EmbeddedError):
    code = "port_taken"


class InvalidSettingError(EmbeddedError):
    code = "invalid_setting"


class DatabaseUnreachableError(EmbeddedError):
    code = "database_unreachable"


class DatabaseTooOldError(EmbeddedError):
    code = "database_too_old"


class RedisUnreachableError(EmbeddedError):
    code = "redis_unreachable"


class RedisTooOldError(EmbeddedError):
    code = "redis_too_old"


class BinaryNotFoundError(EmbeddedError):
    code = "binary_not_found"


class NoIdentityError(EmbeddedError):
    """PostgreSQL refuses to run as root, and no other identity can reach its files."""

    code = "no_identity"


class StartFailedError(EmbeddedError):
    code = "start_failed"


class CommandFailedError(EmbeddedError):
    code = "command_failed"


class ChildGaveUpError(EmbeddedError):
    code = "child_gave_up"


class DemoPasswordsError(EmbeddedError):
    code = "demo_passwords"


class ProofFailedError(EmbeddedError):
    code = "proof_failed"


class StopRequestedError(EmbeddedError):
    """Ctrl-C or SIGTERM came while something was being waited for; no failure."""

    code = "stop_requested"
