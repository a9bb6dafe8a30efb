"""The web application with a way to die: a header of a call names the step at which it is killed.

With it goes its whole process group, the server that would start another one included.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from config.wsgi import application as served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DIE: Final = "HTTP_X_DIE"
# "before MARK" or "after MARK", where MARK is a part of an SQL statement or the number of one among
# the call's, from 1; or this: the answer is made, and nothing of it has been sent.
ANSWERED: Final = "answered"


class Doom:
    """Watches the statements of one call, and ends the process at the one that is meant."""

    def __init__(self, step: str) -> None:
        self._side, _, self._mark = step.partition(" ")
        self._number = 0

    def __call__(
        self,
        execute: Callable[..., object],
        sql: str,
        parameters: object,
        many: bool,
        context: dict[str, Any],
    ) -> object:
        self._number += 1
        is_meant = str(self._number) == self._mark if self._mark.isdigit() else self._mark in sql
        if is_meant and self._side == "before":
            die()
        result = execute(sql, parameters, many, context)
        if is_meant and self._side == "after":
            die()
        return result


def die() -> None:
    os.killpg(os.getpgrp(), signal.SIGKILL)


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """As config.wsgi's, but for calls with X-Die."""
    step = environ.get(DIE, "")
    if not step:
        return served(environ, start_response)
    with connection.execute_wrapper(Doom(step)):
        answer = served(environ, start_response)
    if step == ANSWERED:
        die()
    return answer
