"""What `manage.py check` refuses."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.urls import path
from django.views import View

from core import checks
from core.checks import is_development_secret

GOOD = "9f2kQ7xLw0ZpTbV4sYcR8mJ1uHdN6eGaXo3iKf5t"


def ids(found) -> list[str]:
    return [error.id for error in found]


class ScopedView(View):
    limit_scope = {"get": "default", "post": "imaginary"}

    def get(self, request):
        return HttpResponse()


urlpatterns = [path("scoped", ScopedView.as_view())]


class TestChecks:
    def test_this_project_passes_them(self):
        assert [error for error in run_checks() if error.id.startswith("core.")] == []

    @pytest.mark.parametrize("other", ["JWT_SIGNING_KEYS", "CURSOR_KEYS", "PEPPERS"])
    def test_a_secret_has_one_purpose(self, settings, other):
        settings.SECRET_KEYS = ["new" + GOOD, GOOD]
        setattr(settings, other, [GOOD])

        [error] = checks.check_secrets_have_one_purpose()

        assert error.id == "core.E001"
        assert {"SECRET_KEYS", other} == set(error.msg.split(" share")[0].split(", "))
        assert GOOD not in error.msg

    def test_neither_does_the_metrics_token(self, settings):
        settings.METRICS_TOKEN = settings.PEPPERS[0]

        assert ids(checks.check_secrets_have_one_purpose()) == ["core.E001"]

    def test_production_takes_no_development_secret(self, settings):
        for name in checks.SECRET_LISTS:
            setattr(settings, name, [GOOD])
        settings.SETTINGS_MODULE = "config.settings.production"
        assert checks.check_no_development_secret_in_production() == []

        settings.CURSOR_KEYS = [GOOD, "test-cursor-" + "c" * 40]
        settings.SETTINGS_MODULE = "config.settings.production"
        [error] = checks.check_no_development_secret_in_production()

        assert (error.id, error.msg) == ("core.E002", "CURSOR_KEYS holds a development secret.")

    @pytest.mark.parametrize("secret", ["a" * 64, "django-insecure-" + GOOD, "ChangeMe" + GOOD])
    def test_knows_a_development_secret(self, secret):
        assert is_development_secret(secret)
        assert not is_development_secret(GOOD)

    def test_production_is_not_debugged(self, settings):
        settings.DEBUG = True
        assert checks.check_debug_off_in_production() == []
        settings.SETTINGS_MODULE = "config.settings.production"

        assert ids(checks.check_debug_off_in_production()) == ["core.E003"]

    @pytest.mark.parametrize(
        ("setting", "value", "found"),
        [
            ("ALLOWED_HOSTS", [], "core.E008"),
            ("ALLOWED_HOSTS", ["agora.example.org", "*"], "core.E008"),
            ("ALLOWED_HOSTS", ["."], "core.E008"),
            ("ALLOW_LOOPBACK_TARGETS", True, "core.E009"),
            ("PUBLIC_URL", "http://agora.example.org", "core.E010"),
            ("PUBLIC_URL", "https://agora.example.org/x", "core.E010"),
            ("PUBLIC_URL", "https://", "core.E010"),
            ("PUBLIC_URL", "https://user@agora.example.org", "core.E010"),
            ("CORS_ALLOWED_ORIGINS", ["https://app.example.org", "null"], "core.E011"),
            ("CORS_ALLOWED_ORIGINS", ["http://app.example.org"], "core.E011"),
            ("CORS_ALLOWED_ORIGINS", ["https://*.example.org/"], "core.E011"),
            ("PAYMENT_PROVIDERS", {"sandbox": "a.Sandbox", "bank": "a.Bank"}, "core.E013"),
            ("DEBUG", True, "core.E003"),
            ("PEPPERS", ["test-pepper-" + GOOD], "core.E002"),
        ],
    )
    def test_production_does_not_start_with(self, settings, setting, value, found):
        for number, name in enumerate(checks.SECRET_LISTS):
            setattr(settings, name, [f"{number}{GOOD}"])
        settings.ALLOWED_HOSTS = ["agora.example.org", "127.0.0.1"]
        settings.ALLOW_LOOPBACK_TARGETS = False
        settings.PUBLIC_URL = "https://agora.example.org:8443"
        settings.SECURE_SSL_REDIRECT = True
        settings.CORS_ALLOWED_ORIGINS = ["https://app.example.org", "https://app.example.org:8443"]
        settings.SETTINGS_MODULE = "config.settings.production"
        checks.refuse_unsafe_production()

        setattr(settings, setting, value)
        settings.SETTINGS_MODULE = "config.settings.production"

        with pytest.raises(ImproperlyConfigured, match=found):
            checks.refuse_unsafe_production()
        settings.SETTINGS_MODULE = "config.settings.local"
        checks.refuse_unsafe_production()

    @pytest.mark.parametrize(
        ("providers", "usual", "found"),
        [
            (["bank"], "sandbox", ["core.E012"]),
            (["bank"], "bank", []),
            (["bank", "sandbox"], "sandbox", []),
            ([], "sandbox", []),
        ],
    )
    def test_the_usual_payment_provider_is_there(self, settings, providers, usual, found):
        settings.PAYMENT_PROVIDERS = dict.fromkeys(providers, "a.Provider")
        settings.PAYMENT_PROVIDER = usual

        assert ids(checks.check_payment_provider()) == found

    def test_the_sandbox_may_be_alone_in_production(self, settings):
        settings.PAYMENT_PROVIDERS = {"sandbox": "a.Sandbox"}
        settings.SETTINGS_MODULE = "config.settings.production"

        assert checks.check_no_sandbox_beside_money_in_production() == []

    def test_a_trial_without_tls_may_be_reached_without_it(self, settings):
        settings.SECURE_SSL_REDIRECT = False
        settings.PUBLIC_URL = "http://localhost:8080"
        settings.SETTINGS_MODULE = "config.settings.production"

        assert checks.check_public_url_in_production() == []

    @pytest.mark.urls(__name__)
    def test_a_limit_scope_has_a_rate(self):
        [error] = checks.check_limit_scopes_have_rates()

        assert error.id == "core.E004"
        assert "ScopedView is limited by 'imaginary'" in error.msg

    @pytest.mark.parametrize("setting", ["BEARER_SCHEMES", "OUTBOX_SUBSCRIBERS"])
    def test_dotted_paths_lead_somewhere(self, settings, setting):
        setattr(settings, setting, ["core.nowhere.Thing", "core.ids.uuid7"])

        [error] = checks.check_dotted_paths()

        assert error.id == "core.E005"
        assert error.msg.startswith(f"{setting}: core.nowhere.Thing")

    def test_platform_is_no_package(self, tmp_path, monkeypatch):
        monkeypatch.setattr(checks, "PLATFORM", tmp_path)
        assert checks.check_platform_is_no_package() == []
        (tmp_path / "__init__.py").touch()

        assert ids(checks.check_platform_is_no_package()) == ["core.E006"]

    def test_scheduled_tasks_exist(self):
        from celery import current_app

        current_app.conf.beat_schedule["ghost"] = {"task": "core.ghost", "schedule": 1.0}
        try:
            [error] = checks.check_scheduled_tasks_exist()
        finally:
            del current_app.conf.beat_schedule["ghost"]

        assert error.id == "core.E007"
        assert "core.ghost" in error.msg
