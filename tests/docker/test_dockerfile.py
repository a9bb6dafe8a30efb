"""What the images are made of: pinned packages, no TensorFlow in web, no root, no leftovers."""

from __future__ import annotations

import fnmatch
import re

import pytest

FINAL = ("web", "worker", "dev")


def lines_of(instructions, stage, keyword):
    return [rest for s, k, rest in instructions if s == stage and k == keyword]


def lists_installed(instructions, stage):
    runs = " ".join(lines_of(instructions, stage, "RUN"))
    return re.findall(r"/requirements/([\w.-]+\.txt)", runs)


def test_the_stages_are_those_promised(instructions):
    stages = {stage for stage, _, _ in instructions}
    assert {"base", "web", "worker", "dev"} <= stages


def test_the_base_is_one_release_of_slim_python(instructions):
    assert ("", "ARG", "PYTHON_IMAGE=python:3.11.13-slim-bookworm") in instructions
    images = {rest.split()[0] for _, keyword, rest in instructions if keyword == "FROM"}
    assert images == {"${PYTHON_IMAGE}", "base", "web-packages", "worker-packages"}


def test_packages_come_with_hashes_and_nothing_is_resolved_or_compiled(instructions):
    installs = [rest for _, keyword, rest in instructions if keyword == "RUN" and "pip " in rest]
    assert len(installs) == 3
    for command in installs:
        assert "--require-hashes --no-deps --only-binary :all:" in command


def test_the_web_image_has_no_tensorflow(instructions, checkout):
    files = lists_installed(instructions, "web-packages")
    assert files == ["base.txt", "serving.txt", "production.txt"]
    for name in files:
        text = (checkout / "requirements" / name).read_text()
        assert not re.search(r"^(tensorflow|keras)", text, re.MULTILINE), name
    copied = lines_of(instructions, "web", "COPY")
    assert "--from=web-packages /opt/venv /opt/venv" in copied
    assert not any("worker" in line for line in copied)


def test_the_worker_image_adds_tensorflow(instructions):
    assert lists_installed(instructions, "worker-packages") == ["tensorflow.txt"]
    assert "--from=worker-packages /opt/venv /opt/venv" in lines_of(instructions, "worker", "COPY")


@pytest.mark.parametrize("stage", FINAL)
def test_no_image_runs_as_root(instructions, stage):
    assert lines_of(instructions, stage, "USER") == ["10001:10001"]


@pytest.mark.parametrize("stage", ["web", "worker"])
def test_the_images_say_how_they_are(instructions, stage):
    assert len(lines_of(instructions, stage, "HEALTHCHECK")) == 1
    assert lines_of(instructions, stage, "STOPSIGNAL") == ["SIGTERM"]


def test_the_source_roots_are_on_the_path(instructions):
    assert "PYTHONPATH=/srv/platform:/srv" in lines_of(instructions, "base", "ENV")[0]


def test_no_secret_is_baked_in(instructions):
    for stage, keyword, rest in instructions:
        if keyword in {"ENV", "ARG"}:
            assert not re.search(r"PASSWORD|SECRET|KEYS|PEPPER|TOKEN", rest), stage
        # Those the build needs are random and live as long as one command.
        for value in re.findall(r"(?:KEYS|PEPPERS)=(\S+)", rest):
            assert value == '"${random}"'


def test_every_path_copied_or_run_exists(instructions, checkout):
    for _, keyword, rest in instructions:
        if keyword == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (checkout / source).exists(), source
        for path in re.findall(r"/srv/(docker/[\w./-]+)", rest):
            assert (checkout / path).exists(), path


def test_the_builder_is_sent_what_is_copied_and_no_state_or_secret(instructions, checkout):
    patterns = (checkout / ".dockerignore").read_text().split("\n")

    def is_sent(path):
        sent = True
        for pattern in patterns:
            if pattern and not pattern.startswith("#"):
                bare = pattern.removeprefix("!").rstrip("/")
                if fnmatch.fnmatch(path, bare) or path.startswith(bare + "/"):
                    sent = pattern.startswith("!")
        return sent

    for _, keyword, rest in instructions:
        if keyword == "COPY" and not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert source == "." or is_sent(source.rstrip("/")), source
    for path in ("docker/secrets/jwt_keys", "docker/tls/privkey.pem", "docker/.env", "var", ".git"):
        assert not is_sent(path), path
    for path in ("docker/secrets/", "docker/tls/", ".venv", ".env"):
        assert not is_sent(path.rstrip("/")), path


def test_secrets_are_not_committed(docker):
    assert (docker / ".gitignore").read_text().split() == ["secrets/", "tls/", ".env"]


def test_the_broker_can_be_reached_with_the_packages_of_web(checkout):
    # kombu's Redis transport imports it, and names it as a dependency only under an extra.
    assert re.search(
        r"^packaging==", (checkout / "requirements/base.txt").read_text(), re.MULTILINE
    )
