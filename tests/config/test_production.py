"""Production settings: clean under Django's deployment checks, and refused when incomplete."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECRETS = {
    "SECRET_KEYS": "Qm9vM-vJx2kTz7pLrW4sYc8nHd3fGq6uVb1eXa5iKo0tPlMw",
    "JWT_KEYS": "uY7tR2eW9qP4oI1aS6dF3gH8jK5lZ0xC",
    "CURSOR_KEYS": "nB6vC1xZ4aS9dF2gH7jK0lQ3wE8rT5yU",
    "PEPPERS": "pO0iU5yT8rE3wQ6aS1dF4gH9jK2lZ7xC",
}


def check(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check", *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "config.settings.production",
            "DATABASE_URL": os.environ["DATABASE_URL"],
            "REDIS_URL": os.environ["REDIS_URL"],
            "ALLOWED_HOSTS": "api.example.com",
            "CSRF_TRUSTED_ORIGINS": "https://api.example.com",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


class TestProduction:
    def test_is_clean_under_the_deployment_checks(self, tmp_path):
        secrets = {**SECRETS, "SECRET_KEYS": SECRETS["SECRET_KEYS"] + "-longer-by-a-bit"}

        answer = check("--deploy", "--fail-level", "WARNING", STATE_DIR=str(tmp_path), **secrets)

        assert answer.returncode == 0, answer.stderr

    def test_does_not_start_without_its_secrets(self, tmp_path):
        answer = check(STATE_DIR=str(tmp_path))

        assert answer.returncode != 0
        assert "Set JWT_KEYS or JWT_KEYS_FILE." in answer.stderr

    def test_does_not_start_with_a_short_jwt_key(self, tmp_path):
        secrets = {**SECRETS, "SECRET_KEYS": "s" * 60, "JWT_KEYS": "short"}

        answer = check(STATE_DIR=str(tmp_path), **secrets)

        assert answer.returncode != 0
        assert "JWT_KEYS" in answer.stderr
        assert "short" not in answer.stderr.replace("shorter", "")
