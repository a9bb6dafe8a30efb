"""The first step of every make target: which Python, what is missing, why it failed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

from embedded.state import checkout
from tests.embedded.helpers import execute

BOOTSTRAP = checkout() / "platform" / "embedded" / "bootstrap.py"


def load(path):
    """A module by its path, as it is run: not as a part of the package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bare_checkout(tmp_path):
    """The bootstrap in a folder of its own, with requirements that need no network."""
    root = tmp_path / "a checkout"
    lay_out(root)
    return root


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Such a checkout, installed once; and what the installation said."""
    root = tmp_path_factory.mktemp("installed") / "a checkout"
    lay_out(root)
    return root, bootstrap(root, "--group", "run")


@pytest.fixture
def checkout_with_venv(installed, tmp_path):
    """A copy of it: making a virtual environment takes seconds."""
    root = tmp_path / "a copy"
    shutil.copytree(installed[0], root, symlinks=True)
    return root


def lay_out(root):
    (root / "platform" / "embedded").mkdir(parents=True)
    (root / "requirements").mkdir()
    for name in ("bootstrap.py", "install.py"):
        shutil.copy(BOOTSTRAP.with_name(name), root / "platform" / "embedded" / name)
    for name in (
        "base",
        "serving",
        "tensorflow",
        "production",
        "embedded",
        "dev",
        "bench",
        "browser",
    ):
        (root / "requirements" / f"{name}.txt").write_text("# nothing\n")


def bootstrap(root, *arguments, python=sys.executable, **environment):
    return execute(
        [python, "-I", str(root / "platform" / "embedded" / "bootstrap.py"), *arguments],
        environment={**os.environ, **environment},
    )


def test_it_installs_once_and_then_costs_nothing(installed):
    root, first = installed
    stamp = (root / ".venv" / "installed.json").stat().st_mtime_ns

    second = bootstrap(root, "--group", "run")

    assert first.returncode == 0, first.stderr
    assert "making .venv with Python 3.1" in first.stdout
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert (root / ".venv" / "installed.json").stat().st_mtime_ns == stamp


def test_only_changed_files_are_installed_and_the_venv_is_kept(checkout_with_venv):
    mark = checkout_with_venv / ".venv" / "mark"
    mark.touch()

    more = bootstrap(checkout_with_venv, "--group", "test")
    (checkout_with_venv / "requirements" / "base.txt").write_text("# changed\n")
    changed = bootstrap(checkout_with_venv, "--group", "run")

    assert "(dev)" in more.stdout
    assert "(base)" in changed.stdout
    assert mark.exists()


def test_a_failed_installation_is_one_clear_line_and_is_tried_again(checkout_with_venv):
    pins = checkout_with_venv / "requirements" / "base.txt"
    pins.write_text(
        "agora-there-is-no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8"
    )

    # An index that is not there: nobody is asked.
    done = bootstrap(
        checkout_with_venv,
        *("--group", "run"),
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_RETRIES="1",
        PIP_NO_INDEX="",
        PIP_FIND_LINKS="",
        PIP_CONFIG_FILE="/dev/null",
    )

    assert done.returncode == 1
    assert done.stderr.startswith("agora: The package index cannot be reached")
    assert done.stderr.endswith("install.log\n")
    assert done.stderr.count("\n") == 1
    pins.write_text("# nothing\n")
    assert bootstrap(checkout_with_venv, "--group", "run").returncode == 0


def test_a_broken_venv_is_made_anew(checkout_with_venv):
    (checkout_with_venv / ".venv" / "bin" / "python").unlink()

    done = bootstrap(checkout_with_venv, "--group", "run")

    assert "making .venv" in done.stdout
    assert (checkout_with_venv / ".venv" / "bin" / "python").exists()


def test_a_python_that_was_named_must_work(bare_checkout):
    done = bootstrap(bare_checkout, "--python", "python2.0", "--group", "run")

    assert done.returncode == 1
    assert done.stderr == "agora: PYTHON=python2.0 is not a working Python 3.11 or 3.12.\n"


def old_python():
    """A Python 3 below 3.11 on this machine, if there is one."""
    homes = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [
        *(Path("/usr/bin") / f"python3.{minor}" for minor in range(6, 11)),
        *homes.glob("3.[6-9].*/bin/python3"),
        *homes.glob("3.10.*/bin/python3"),
    ]
    return next((path for path in found if path.exists()), None)


@pytest.mark.skipif(old_python() is None, reason="no older Python is installed here")
def test_a_too_old_python_with_no_other_is_one_clear_line(bare_checkout, tmp_path):
    done = bootstrap(
        bare_checkout, "--group", "run", python=str(old_python()), PATH=str(tmp_path / "empty")
    )

    assert done.returncode == 1
    assert done.stderr.startswith("agora: Agora needs Python 3.11 or 3.12; this is 3.")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(old_python() is None, reason="no older Python is installed here")
def test_a_too_old_python_finds_a_newer_one_on_path(checkout_with_venv, tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3.12").write_text("#!/bin/sh\nexit 127\n")  # a shim of what is not installed
    (folder / "python3.12").chmod(0o755)
    (folder / "python3.11").symlink_to(sys.executable)

    done = bootstrap(
        checkout_with_venv,
        "--group",
        "run",
        python=str(old_python()),
        PATH=f"{folder}:/bin:/usr/bin",
    )

    # There is nothing to install, and it was the newer one that saw it.
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_words_for_a_too_old_python():
    module = load(BOOTSTRAP)
    assert module.too_old((3, 9, 2), "/usr/bin/python3").startswith(
        "agora: Agora needs Python 3.11 or 3.12; this is 3.9.2 (/usr/bin/python3)."
    )


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("OSError: [Errno 28] No space left on device: 'x'", "The disk is full."),
        ("Temporary failure in name resolution", "The package index cannot be reached"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM", "does not match its pinned hash"),
        ("error: command 'gcc' failed: No such file or directory", "A C compiler is needed"),
        ("unable to execute 'cc': No such file", "A C compiler is needed"),
        ("No matching distribution found for x==1", "The package index has no such package."),
    ],
)
def test_the_reason_is_read_from_pips_words(log, reason):
    assert reason in load(BOOTSTRAP.with_name("install.py")).reason(f"before\n{log}\nafter")


def test_progress_counts_pins_and_names_what_is_done(bare_checkout):
    module = load(BOOTSTRAP.with_name("install.py"))
    module.REQUIREMENTS = bare_checkout / "requirements"
    (bare_checkout / "requirements" / "base.txt").write_text(
        "a==1 \\\n    --hash=sha256:00\n    # via\nB.c==2.0\n# d==1\n"
    )
    assert module.count_pins("base") == 2

    progress = module.Progress(2)
    progress.take("Collecting a==1\n")
    assert (progress.seen, progress.doing) == (1, "fetching")
    progress.take("Installing collected packages: a, B.c\n")
    assert (progress.total, progress.doing) == (2, "unpacking")
