"""One look at a thread's connection for each request, where Django takes four at everything."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from django.core import signals
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.db import close_old_connections, reset_queries
from django.db.backends.signals import connection_created

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


class _Opened(threading.local):
    """The connection that this thread opened last; most threads that predict open none."""

    connection: BaseDatabaseWrapper | None = None


_opened = _Opened()


def look_once_a_request() -> None:
    """Put `close_worn_out` in the place of Django's own receivers, in this process.

    Theirs walk over all databases and caches at the start and at the end of each request, a tenth
    of what a prediction costs. Left out: `reset_queries` (for DEBUG alone), `close_caches` (our
    cache's connections belong to a pool), `reset_urlconf` (no request has routes of its own), and
    the second look at the end of a request, since the next one begins with the same.
    """
    signals.request_started.disconnect(reset_queries)
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_caches)
    signals.request_finished.disconnect(reset_urlconf)
    signals.request_started.connect(close_worn_out)
    connection_created.connect(_remember)


def _remember(connection: BaseDatabaseWrapper, **_: Any) -> None:  # noqa: ANN401 - Django's signal
    _opened.connection = connection


def close_worn_out(**_: object) -> None:
    """Close this thread's connection if it has failed or is too old; have it checked before use."""
    connection = _opened.connection
    if connection is not None:
        connection.close_if_unusable_or_obsolete()
