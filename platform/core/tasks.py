"""Sending work to Celery: `enqueue` by name in the caller's transaction; and core's own tasks."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from celery import shared_task
from celery.signals import task_postrun, task_prerun
from django.utils import timezone

from core.idempotency.purge import purge_expired_keys
from core.observability.request_id import RequestContext, bind, checked_traceparent
from core.outbox.events import send_task
from core.outbox.purge import purge_published
from core.security.revocation import purge_expired_revocations

if TYPE_CHECKING:
    from celery import Task

logger = logging.getLogger(__name__)


def enqueue(name: str, *, about: tuple[str, str] | None = None, **ids: str) -> None:
    """Have a task run once the caller's transaction has committed; never if it has not.

    The row is the message: the relay hands it to Celery within a fraction of a second, at least
    once, so the task must find out from its own rows whether there is still something to do.

    Args:
        name: as registered with Celery, e.g. "ml_models.split_batch_prediction".
        about: (type, id) of an object: its tasks leave in the order of their commits. Without it,
            no order is kept and nothing waits.
        ids: keyword arguments of the task: ids as text, never data.

    Raises:
        NotInTransactionError: there is no transaction; the work would be sent even if undone.
    """
    send_task(name, ids, about=about)


@shared_task(name="core.purge_outbox")
def purge_outbox(**_newer_arguments: object) -> None:
    _report("outbox rows", purge_published(now=timezone.now()))


@shared_task(name="core.purge_idempotency_keys")
def purge_idempotency_keys(**_newer_arguments: object) -> None:
    _report("idempotency keys", purge_expired_keys(now=timezone.now()))


@shared_task(name="core.purge_revocations")
def purge_revocations(**_newer_arguments: object) -> None:
    _report("revocations", purge_expired_revocations(now=timezone.now()))


def _report(what: str, count: int) -> None:
    logger.info("Purged %s %s.", count, what)


# What a running task has bound, by task id; a process may run several (threads, eager calls).
_bound: dict[str, ExitStack] = {}


@task_prerun.connect
def bind_cause(task_id: str, task: Task[Any, Any], **_: object) -> None:
    """The request that caused the task goes into the context of everything it logs and writes.

    Celery's own Django support closes worn-out database connections at the same two moments.
    """
    headers: dict[str, Any] = task.request.headers or {}
    context = RequestContext(
        str(headers.get("request_id") or ""),
        traceparent=checked_traceparent(headers.get("traceparent")),
        task_id=task_id,
    )
    stack = ExitStack()
    stack.enter_context(bind(context))
    _bound[task_id] = stack


@task_postrun.connect
def release_cause(task_id: str, **_: object) -> None:
    stack = _bound.pop(task_id, None)
    if stack is not None:
        stack.close()
