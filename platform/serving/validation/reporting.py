"""How a child ends: a report of what it made, or the reason why the model is refused."""

from __future__ import annotations

import errno
import json
import sys
import traceback
from typing import TYPE_CHECKING

from serving.errors import ArtefactError
from serving.reasons import ReasonCode
from serving.validation.exchange import REPORT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TOO_LARGE = "The model needs more memory than it may have."


def report(work: Callable[[], Mapping[str, object]], out: Path, *, otherwise: ReasonCode) -> int:
    """Do the work and write its report, last of all.

    Args:
        work: raises ArtefactError to refuse the model.
        out: where the report goes.
        otherwise: the reason for an error that nobody foresaw.
    """
    try:
        content = {"ok": True, **work()}
    except ArtefactError as error:
        content = _refusal(error.reason_code, error.pointer, error.detail)
    except Exception as error:  # noqa: BLE001 - the parent must learn that it failed, and nothing of the host
        traceback.print_exc(file=sys.stderr)  # the parent keeps its end, for the log alone
        content = _refusal(*reason_of(error, otherwise))
    (out / REPORT).write_text(json.dumps(content))
    return 0


def _refusal(reason_code: str, pointer: str, detail: str) -> dict[str, object]:
    return {"ok": False, "reason_code": reason_code, "pointer": pointer, "detail": detail}


def reason_of(error: BaseException, otherwise: ReasonCode) -> tuple[str, str, str]:
    """Code, pointer, detail; the message of a foreign error may hold paths, its type does not."""
    name = type(error).__name__
    if name in {"MemoryError", "ResourceExhaustedError"}:
        return ReasonCode.MEMORY_LIMIT, "", TOO_LARGE
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return ReasonCode.FILE_LIMIT, "", "The model needs larger files than it may write."
    return otherwise, "", f"{otherwise.explanation} ({name})"
