"""Celery's door: mails and tidying up."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.accounts import services

MAIL_RETRIES = 5
MAIL_SECONDS = 30  # soft limit; a mail server that takes longer is tried again


@shared_task(
    name="accounts.send_confirmation",  # in flight across deploys: never rename
    autoretry_for=(OSError,),  # smtplib's errors are OSErrors
    retry_backoff=True,
    max_retries=MAIL_RETRIES,
    soft_time_limit=MAIL_SECONDS,
)
def send_confirmation(*, user_id: str, **_newer_arguments: object) -> None:
    services.send_confirmation(user_id=UUID(user_id))


@shared_task(
    name="accounts.send_address_in_use",
    autoretry_for=(OSError,),
    retry_backoff=True,
    max_retries=MAIL_RETRIES,
    soft_time_limit=MAIL_SECONDS,
)
def send_address_in_use(*, user_id: str, **_newer_arguments: object) -> None:
    services.send_address_in_use(user_id=UUID(user_id))


@shared_task(
    name="accounts.send_password_reset",
    autoretry_for=(OSError,),
    retry_backoff=True,
    max_retries=MAIL_RETRIES,
    soft_time_limit=MAIL_SECONDS,
)
def send_password_reset(*, user_id: str, **_newer_arguments: object) -> None:
    services.send_password_reset(user_id=UUID(user_id))


@shared_task(
    name="accounts.send_password_changed",
    autoretry_for=(OSError,),
    retry_backoff=True,
    max_retries=MAIL_RETRIES,
    soft_time_limit=MAIL_SECONDS,
)
def send_password_changed(*, user_id: str, **_newer_arguments: object) -> None:
    services.send_password_changed(user_id=UUID(user_id))


@shared_task(name="accounts.purge_ended_logins")
def purge_ended_logins(**_newer_arguments: object) -> None:
    services.purge_ended_logins(now=timezone.now())
