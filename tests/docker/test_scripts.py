"""The shell scripts of the images, run for real where that needs no container."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((CHECKOUT / "docker").rglob("*.sh"))
ENTRYPOINTS = CHECKOUT / "docker" / "entrypoints"


def run(command, environment):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        [str(part) for part in command],
        env={"PATH": path, **environment},
        check=False,
        capture_output=True,
        text=True,
    )


def printed(environment, *names):
    """What run.sh exports, as the command it becomes sees it."""
    command = "; ".join(f'echo "${{{name}-unset}}"' for name in names)
    done = run([ENTRYPOINTS / "run.sh", "sh", "-c", command], environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
class TestEveryScript:
    def test_can_be_executed_and_stops_at_the_first_failure(self, script):
        assert script.stat().st_mode & stat.S_IXUSR
        text = script.read_text()
        assert text.startswith(("#!/bin/sh\n", "#!/bin/bash\n"))
        assert "\nset -eu" in text

    def test_ends_by_becoming_its_program(self, script):
        # Then the program gets the signals, and no shell stands between.
        if script.parent.name == "entrypoints" or script.name == "start.sh":
            assert script.read_text().rpartition("\nexec ")[1]

    @pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
    def test_shellcheck_finds_nothing(self, script):
        done = run(["shellcheck", script], {})
        assert done.returncode == 0, done.stdout


class TestWeb:
    """Of web.sh: what it hands to the server."""

    @pytest.fixture
    def arguments(self, tmp_path):
        server = tmp_path / "granian"
        server.write_text('#!/bin/sh\necho "$@"\n')
        server.chmod(0o700)

        def arguments(environment, *given):
            path = f"{tmp_path}:{os.environ['PATH']}"
            return subprocess.run(
                [ENTRYPOINTS / "web.sh", *given],
                env={
                    "PATH": path,
                    "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counters"),
                    **environment,
                },
                check=False,
                capture_output=True,
                text=True,
            )

        return arguments

    @pytest.mark.parametrize(
        ("rss_bytes", "said"),
        [("1048577", "--workers-max-rss 2 "), ("0", ""), ("", "--workers-max-rss 1536 ")],
    )
    def test_limits_the_memory_and_keeps_what_it_was_given(self, arguments, rss_bytes, said):
        done = arguments({"SERVING_RSS_BYTES": rss_bytes}, "--log-level", "debug")
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
        assert ("--workers-max-rss" in done.stdout) == bool(said)
        assert done.stdout.endswith("--log-level debug config.wsgi:application\n")

    @pytest.mark.parametrize("rss_bytes", ["1.5G", "-1", "1 0"])
    def test_starts_without_no_limit_by_mistake(self, arguments, rss_bytes):
        done = arguments({"SERVING_RSS_BYTES": rss_bytes})
        assert (done.returncode, done.stdout) == (64, "")
        assert done.stderr == "SERVING_RSS_BYTES must be a whole number of bytes.\n"


class TestRun:
    def test_puts_urls_together_from_passwords_in_files(self, tmp_path):
        for name in ("app", "owner", "redis"):
            (tmp_path / name).write_text(f"{name}/p@ss:w?rd%\n")
        environment = {
            "DATABASE_HOST": "db",
            "DATABASE_PASSWORD_FILE": str(tmp_path / "app"),
            "DATABASE_OWNER_PASSWORD_FILE": str(tmp_path / "owner"),
            "REDIS_HOST": "queue",
            "REDIS_PASSWORD_FILE": str(tmp_path / "redis"),
        }
        assert printed(environment, "DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL") == [
            "postgresql://agora_app:app%2Fp%40ss%3Aw%3Frd%25@db:5432/agora",
            "postgresql://agora_owner:owner%2Fp%40ss%3Aw%3Frd%25@db:5432/agora",
            "redis://:redis%2Fp%40ss%3Aw%3Frd%25@queue:6379",
        ]

    def test_leaves_a_url_alone_that_is_given(self, tmp_path):
        (tmp_path / "app").write_text("other")
        environment = {"DATABASE_URL": "mine", "DATABASE_PASSWORD_FILE": str(tmp_path / "app")}
        assert printed(environment, "DATABASE_URL", "REDIS_URL") == ["mine", "unset"]

    def test_a_missing_password_file_stops_it(self):
        done = run([ENTRYPOINTS / "run.sh", "true"], {"DATABASE_PASSWORD_FILE": "/nowhere"})
        assert done.returncode != 0

    def test_becomes_the_command(self):
        assert run([ENTRYPOINTS / "run.sh", "sh", "-c", "exit 7"], {}).returncode == 7


class TestMakeSecrets:
    @pytest.fixture
    def script(self, tmp_path):
        return Path(shutil.copy(CHECKOUT / "docker/make-secrets.sh", tmp_path))

    def test_makes_long_secrets_in_a_folder_of_its_owner(self, script, tmp_path, compose):
        assert run([script], {}).returncode == 0
        folder = tmp_path / "secrets"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {path.name for path in folder.iterdir()} == set(compose["secrets"])
        assert (folder / "email_password").read_text() == ""  # the mail server's, not ours to make
        made = [path for path in folder.iterdir() if path.name != "email_password"]
        values = {path.read_text().strip() for path in made}
        assert len(values) == len(compose["secrets"]) - 1
        for value in values:
            assert len(value) == 64  # 48 bytes; the settings ask for 50 characters at most
            assert value.replace("-", "").replace("_", "").isalnum()

    def test_leaves_what_exists(self, script, tmp_path):
        run([script], {})
        before = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
        assert run([script], {}).stdout == ""
        after = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
        assert after == before
