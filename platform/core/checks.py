"""System checks: what `manage.py check` refuses before it does harm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from celery import current_app
from django.conf import settings
from django.core.checks import Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver
from django.utils.module_loading import autodiscover_modules, import_string

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Settings that hold secrets, one purpose each.
SECRET_LISTS = ("SECRET_KEYS", "JWT_SIGNING_KEYS", "CURSOR_KEYS", "PEPPERS", "WEBHOOK_KEYS")
DEVELOPMENT_SECRETS = ("test-", "dev-", "django-insecure-", "change-me", "changeme")
DISTINCT_CHARACTERS_MIN = 8  # in a secret that somebody did not just lean on a key for

# Settings that name one.
DOTTED_PATHS = (
    "PLAN_BOOK_READER",
    "PLAN_OF_USER",
    "REQUEST_SINK",
    "PREDICTION_SINK",
    "BEHAVIOUR_SINK",
    "TAX_CALCULATOR",
    "SHIPPING_CALCULATOR",
    "PAYMENT_PROVIDERS",
)

PLATFORM = Path(__file__).resolve().parents[1]


def is_production() -> bool:
    return str(settings.SETTINGS_MODULE).endswith(".production")


def secrets_by_setting() -> dict[str, list[str]]:
    lists = {name: list(getattr(settings, name, [])) for name in SECRET_LISTS}
    token = getattr(settings, "METRICS_TOKEN", "")
    return {**lists, "METRICS_TOKEN": [token] if token else []}


@register(Tags.security)
def check_secrets_have_one_purpose(**_: object) -> list[Error]:
    """A secret shared by two purposes lets a leak of the one open the other."""
    users = Counter(secret for secrets in secrets_by_setting().values() for secret in set(secrets))
    shared = {secret for secret, count in users.items() if count > 1}
    guilty = sorted(name for name, secrets in secrets_by_setting().items() if shared & {*secrets})
    if not guilty:
        return []
    return [
        Error(
            f"{', '.join(guilty)} share a secret.",
            hint="Give each purpose secrets of its own.",
            id="core.E001",
        )
    ]


@register(Tags.security)
def check_no_development_secret_in_production(**_: object) -> list[Error]:
    """In production no secret is a placeholder."""
    if not is_production():
        return []
    weak = sorted(
        name
        for name, secrets in secrets_by_setting().items()
        if any(is_development_secret(secret) for secret in secrets)
    )
    return [
        Error(
            f"{name} holds a development secret.",
            hint="python -c 'import secrets; print(secrets.token_urlsafe(64))' makes a good one.",
            id="core.E002",
        )
        for name in weak
    ]


def is_development_secret(secret: str) -> bool:
    is_placeholder = secret.lower().startswith(DEVELOPMENT_SECRETS)
    return is_placeholder or len(set(secret)) < DISTINCT_CHARACTERS_MIN


@register(Tags.security)
def check_debug_off_in_production(**_: object) -> list[Error]:
    if settings.DEBUG and is_production():
        return [Error("DEBUG is on in production.", id="core.E003")]
    return []


@register(Tags.security)
def check_hosts_are_named_in_production(**_: object) -> list[Error]:
    """With `*` any name in a Host header is ours, also in the links that we make of it."""
    hosts = settings.ALLOWED_HOSTS
    if is_production() and (not hosts or any(host.strip(".") in {"", "*"} for host in hosts)):
        return [Error("ALLOWED_HOSTS must list the names of this platform, not *.", id="core.E008")]
    return []


@register(Tags.security)
def check_no_loopback_targets_in_production(**_: object) -> list[Error]:
    """A redirect or a webhook to loopback leads to programs beside ours."""
    if is_production() and settings.ALLOW_LOOPBACK_TARGETS:
        return [Error("ALLOW_LOOPBACK_TARGETS is for development alone.", id="core.E009")]
    return []


@register(Tags.security)
def check_public_url_in_production(**_: object) -> list[Error]:
    """Mails lead there, with texts that stand for a password."""
    if not is_production() or is_origin(
        settings.PUBLIC_URL, plain=not settings.SECURE_SSL_REDIRECT
    ):
        return []
    return [
        Error(
            "PUBLIC_URL must be https://, a host, perhaps a port, and nothing else.",
            hint="E.g. https://agora.example.org",
            id="core.E010",
        )
    ]


@register(Tags.security)
def check_cors_origins_in_production(**_: object) -> list[Error]:
    """Each is written out, over TLS; `null` is what every sandboxed page calls itself."""
    if not is_production():
        return []
    return [
        Error(f"CORS_ALLOWED_ORIGINS: {origin!r} is no https:// origin.", id="core.E011")
        for origin in settings.CORS_ALLOWED_ORIGINS
        if not is_origin(origin)
    ]


def is_origin(text: str, *, plain: bool = False) -> bool:
    """Whether this is scheme, host and perhaps port (RFC 6454); `plain` allows http:// too."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    schemes = {"https", "http"} if plain else {"https"}
    shown = f"{parts.scheme}://{parts.hostname}" + (f":{port}" if port else "")
    return parts.scheme in schemes and bool(parts.hostname) and text.lower() == shown


@register()
def check_payment_provider(**_: object) -> list[Error]:
    """A payment that names no provider has one, when there is any."""
    providers, usual = settings.PAYMENT_PROVIDERS, settings.PAYMENT_PROVIDER
    if not providers or usual in providers:
        return []
    return [
        Error(
            f"PAYMENT_PROVIDER: {usual!r} is none of PAYMENT_PROVIDERS.",
            hint=f"One of {', '.join(sorted(providers))}.",
            id="core.E012",
        )
    ]


@register(Tags.security)
def check_no_sandbox_beside_money_in_production(**_: object) -> list[Error]:
    """Whoever pays names the provider: beside one that takes money, all would take the other."""
    providers = settings.PAYMENT_PROVIDERS
    if not is_production() or "sandbox" not in providers or len(providers) == 1:
        return []
    return [
        Error(
            "PAYMENT_PROVIDERS: the sandbox stands beside a provider that takes money.",
            hint="Unset PAYMENT_SANDBOX.",
            id="core.E013",
        )
    ]


# What production does not start with, in whatever process: the rest of the checks can wait for
# `manage.py check --deploy`.
FATAL_IN_PRODUCTION = (
    check_secrets_have_one_purpose,
    check_no_development_secret_in_production,
    check_debug_off_in_production,
    check_hosts_are_named_in_production,
    check_no_loopback_targets_in_production,
    check_public_url_in_production,
    check_cors_origins_in_production,
    check_no_sandbox_beside_money_in_production,
)


def refuse_unsafe_production() -> None:
    """Called by every process once its apps are loaded: web, worker, relay, beat and commands.

    Raises ImproperlyConfigured: production with a setting that only development may have.
    """
    if not is_production():
        return
    faults = [fault for check in FATAL_IN_PRODUCTION for fault in check()]
    if faults:
        listed = " ".join(f"({fault.id}) {fault.msg}" for fault in faults)
        raise ImproperlyConfigured(f"Production does not start like this: {listed}")


@register(Tags.urls)
def check_limit_scopes_have_rates(**_: object) -> list[Error]:
    """A view's limit scope without a rate would be no limit."""
    known = set(settings.RATE_LIMITS)
    return [
        Error(
            f"{view.__module__}.{view.__qualname__} is limited by {scope!r}, which has no rate.",
            hint="Add it to RATE_LIMITS.",
            id="core.E004",
        )
        for view in sorted(
            set(_views(get_resolver().url_patterns)), key=lambda view: view.__qualname__
        )
        for scope in sorted(_scopes(view) - known)
    ]


def _views(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[type]:
    """The view classes behind URL patterns; functions have no scope."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns)
            continue
        view = getattr(pattern.callback, "cls", getattr(pattern.callback, "view_class", None))
        if isinstance(view, type):
            yield view


def _scopes(view: type) -> set[str]:
    scope: Any = getattr(view, "limit_scope", None)
    if scope is None:
        return set()
    return {scope} if isinstance(scope, str) else set(scope.values())


@register()
def check_dotted_paths(**_: object) -> list[Error]:
    """What settings name by dotted path can be imported."""
    errors = []
    for setting in ("BEARER_SCHEMES", "OUTBOX_SUBSCRIBERS", *DOTTED_PATHS):
        named = getattr(settings, setting, None) or []
        paths = named.values() if isinstance(named, Mapping) else named
        for path in [named] if isinstance(named, str) else paths:
            try:
                import_string(path)
            except ImportError as error:
                errors.append(Error(f"{setting}: {path}: {error}", id="core.E005"))
    return errors


@register()
def check_platform_is_no_package(**_: object) -> list[Error]:
    """A Python file directly in platform/ would shadow the standard library's module."""
    return [
        Error(
            f"platform/{path.name} must not exist: platform/ is a source root, not a package.",
            id="core.E006",
        )
        for path in sorted(PLATFORM.glob("*.py*"))
    ]


@register()
def check_scheduled_tasks_exist(**_: object) -> list[Error]:
    """Beat sends by name; a name nobody knows would fail in the night."""
    autodiscover_modules("tasks")
    schedule: dict[str, dict[str, Any]] = current_app.conf.beat_schedule or {}
    return [
        Error(f"beat_schedule: {entry}: no task is called {task['task']!r}.", id="core.E007")
        for entry, task in sorted(schedule.items())
        if task["task"] not in current_app.tasks
    ]
