"""Production settings: clean under Django's deployment checks, and refused when incomplete."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {
    "SECRET_KEYS": "Qm9vM-vJx2kTz7pLrW4sYc8nHd3fGq6uVb1eXa5iKo0tPlMw-longer-by-a-bit",
    "JWT_KEYS": "uY7tR2eW9qP4oI1aS6dF3gH8jK5lZ0xC",
    "CURSOR_KEYS": "nB6vC1xZ4aS9dF2gH7jK0lQ3wE8rT5yU",
    "PEPPERS": "pO0iU5yT8rE3wQ6aS1dF4gH9jK2lZ7xC",
    "WEBHOOK_KEYS": "wE5rT7yU9iO1pA3sD5fG7hJ9kL2zX4cV",
}
CHECK = ("manage.py", "check")
WEB = ("-c", "import config.wsgi; print('serving')")
COMMAND = ("manage.py", "showmigrations", "--list", "accounts")
WORKER = ("-m", "celery", "-A", "config.celery", "worker", "--pool=solo", "--without-heartbeat")
BEAT = ("-m", "celery", "-A", "config.celery", "beat")
PROCESSES = {"web": WEB, "worker": WORKER, "beat": BEAT, "command": COMMAND}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}/platform:{ROOT}",
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": os.environ["REDIS_URL"],
        "ALLOWED_HOSTS": "api.example.com",
        "CSRF_TRUSTED_ORIGINS": "https://api.example.com",
        "PUBLIC_URL": "https://api.example.com",
        **environment,
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={name: value for name, value in given.items() if value != "unset"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class TestChecks:
    def test_are_clean(self, tmp_path):
        answer = run(
            *CHECK, "--deploy", "--fail-level", "WARNING", STATE_DIR=str(tmp_path), **SECRETS
        )

        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.startswith("System check identified no issues")

    def test_need_every_secret(self, tmp_path):
        answer = run(*CHECK, STATE_DIR=str(tmp_path))

        assert answer.returncode != 0
        assert "Set JWT_KEYS or JWT_KEYS_FILE." in answer.stderr

    def test_need_a_jwt_key_that_is_long_enough(self, tmp_path):
        answer = run(*CHECK, STATE_DIR=str(tmp_path), **{**SECRETS, "JWT_KEYS": "short"})

        assert answer.returncode != 0
        assert "JWT_KEYS" in answer.stderr
        assert "short" not in answer.stderr.replace("shorter", "")

    def test_need_an_address_for_mails_to_lead_to(self, tmp_path):
        answer = run(*CHECK, STATE_DIR=str(tmp_path), **{**SECRETS, "PUBLIC_URL": "unset"})

        assert answer.returncode != 0
        assert "PUBLIC_URL is not set" in answer.stderr

    def test_take_the_mail_servers_password_from_a_file(self, tmp_path):
        (tmp_path / "mail").write_text("hush-hush\n")
        show = "from django.conf import settings as s; print(s.EMAIL_HOST_PASSWORD, s.EMAIL_HOST)"

        answer = run(
            "-c",
            f"import django; django.setup(); {show}",
            STATE_DIR=str(tmp_path),
            EMAIL_HOST="mail.example.com",
            EMAIL_HOST_PASSWORD_FILE=str(tmp_path / "mail"),
            **SECRETS,
        )

        assert answer.stdout == "hush-hush mail.example.com\n"

    def test_leave_a_browser_no_way_back_to_plain_http(self, tmp_path):
        show = (
            "from django.test import Client; from django.conf import settings as s\n"
            "c = Client(headers={'host': 'api.example.com'})\n"
            "print(c.get('/livez', secure=True)['Strict-Transport-Security'])\n"
            "print(c.get('/account/login')['Location'])\n"
            "page = c.get('/account/login', secure=True)\n"
            "[cookie] = page.cookies.values()\n"
            "print(cookie.key, cookie['secure'], cookie['path'], cookie['domain'] or '-',"
            " cookie['samesite'])\n"
            "print(s.SESSION_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY,"
            " s.SESSION_COOKIE_SAMESITE)"
        )
        answer = run(
            "-c", f"import django; django.setup()\n{show}", STATE_DIR=str(tmp_path), **SECRETS
        )

        assert answer.stdout.splitlines() == [
            "max-age=31536000; includeSubDomains; preload",
            "https://api.example.com/account/login",
            "__Host-agora-csrf True / - Lax",
            "__Host-agora-session True True Lax",
        ], answer.stderr


@pytest.mark.processes
class TestStart:
    """Every kind of process refuses, since not all of them run Django's checks."""

    @pytest.mark.parametrize("process", PROCESSES)
    def test_is_refused_with_a_development_secret(self, process, tmp_path):
        weak = {**SECRETS, "PEPPERS": "change-me-" + SECRETS["PEPPERS"]}

        answer = run(*PROCESSES[process], STATE_DIR=str(tmp_path), **weak)

        assert answer.returncode != 0
        assert "(core.E002) PEPPERS holds a development secret." in answer.stderr
        assert SECRETS["PEPPERS"] not in answer.stdout + answer.stderr

    @pytest.mark.parametrize(
        ("variables", "words"),
        [
            ({"ALLOWED_HOSTS": "*"}, "(core.E008)"),
            ({"ALLOWED_HOSTS": ""}, "(core.E008)"),
            ({"ALLOW_LOOPBACK_TARGETS": "1"}, "(core.E009)"),
            ({"PUBLIC_URL": "http://api.example.com"}, "(core.E010)"),
            ({"CORS_ALLOWED_ORIGINS": "null"}, "(core.E011)"),
            ({"JWT_KEYS": SECRETS["CURSOR_KEYS"]}, "(core.E001)"),
        ],
    )
    def test_of_a_web_process_is_refused_with(self, variables, words, tmp_path):
        answer = run(*WEB, STATE_DIR=str(tmp_path), **{**SECRETS, **variables})

        assert answer.returncode != 0
        assert words in answer.stderr
        assert "serving" not in answer.stdout

    def test_of_a_web_process_is_allowed_with_settings_that_are_whole(self, tmp_path):
        answer = run(*WEB, STATE_DIR=str(tmp_path), **SECRETS)

        assert (answer.returncode, answer.stdout) == (0, "serving\n"), answer.stderr


@pytest.mark.processes
def test_no_web_process_starts_while_a_demo_account_has_its_password(platform):
    """`platform` has the demo accounts, as after `manage.py seed`."""
    url = platform.environment("web")["DATABASE_URL"]
    answer = run(*WEB, DATABASE_URL=url, **SECRETS)

    assert answer.returncode != 0
    assert "'admin' and 'demo' still have the demo password" in answer.stderr
