"""Makes `.venv` and installs the pinned requirements of a group, unless they are there already.

Run by bootstrap.py before anything is installed: standard library only, no import of this package.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "requirements"
STAMP = VENV / "installed.json"
LOG = VENV / "install.log"

RUN = ("base", "serving", "tensorflow", "production", "embedded")
SUPPORTED = ("3.11", "3.12")
GROUPS = {
    "run": RUN,
    "test": (*RUN, "dev"),
    "bench": (*RUN, "bench"),
    "browser": (*RUN, "dev", "browser"),
    "sdk": (*RUN, "dev", "sdk"),
}

MINIMUM_FREE_BYTES = 3 * 1024**3  # TensorFlow alone unpacks to 2 GB
PROGRESS_INTERVAL = 5.0  # seconds between two lines while pip is silent
INTERRUPTED = 130  # exit code, as a shell's for SIGINT

# What pip's log says, and what it means to the person who reads it.
REASONS = (
    (r"No space left on device|Disk quota exceeded", "The disk is full."),
    (
        (
            r"name resolution|NewConnectionError|ConnectTimeout|Network is unreachable|ProxyError"
            r"|Connection refused|Read timed out|nodename nor servname"
        ),
        "The package index cannot be reached: check the network, or pip's index settings.",
    ),
    (r"DO NOT MATCH THE HASHES", "A downloaded package does not match its pinned hash."),
    (
        (
            r"command '.*?(cc|gcc|clang)' failed: No such file|unable to execute '.*?cc'"
            r"|cc: (command )?not found|No such file or directory: '.*?cc'"
        ),
        "A C compiler is needed: install gcc or clang.",
    ),
    (r"No matching distribution found for (\S+)", "The package index has no such package."),
)


class InstallError(Exception):
    """One clear line; the program ends with exit code 1."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--group", choices=sorted(GROUPS), required=True)
    arguments.add_argument("--named", action="store_true", help="the caller named this Python")
    parsed = arguments.parse_args()
    try:
        with one_at_a_time():
            install(parsed.group, is_named=parsed.named)
    except InstallError as error:
        sys.stderr.write(f"agora: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(
            "\nagora: the installation was interrupted; the next start continues it.\n"
        )
        return INTERRUPTED
    except OSError as error:
        sys.stderr.write(f"agora: the installation failed: {error}\n")
        return 1
    return 0


def install(group: str, *, is_named: bool) -> None:
    # A Python that was named is meant; else one that has served so far is kept.
    wanted = this_version() if is_named else ""
    if not missing_files(GROUPS[group]) and wanted in {"", venv_version()}:
        return
    require_space()
    begun = time.monotonic()
    if not venv_works(wanted):
        make_venv()
    missing = missing_files(GROUPS[group])
    install_files(missing)
    note_installed(missing)
    say(f"installed in {time.monotonic() - begun:.0f} s; the next start skips this")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait while another make installs here; the kernel frees the lock with the process."""
    folder = os.open(REQUIREMENTS, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another installation in this checkout")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def missing_files(names: tuple[str, ...]) -> list[str]:
    """Which of the requirements files the virtual environment does not hold as they are now."""
    stamps = read_stamps() if PYTHON.exists() else {}
    return [name for name in names if stamps.get(name) != fingerprint(name)]


def fingerprint(name: str) -> str:
    """Of a requirements file's content and the Python that it is installed for."""
    content = (REQUIREMENTS / f"{name}.txt").read_bytes()
    return hashlib.sha256(venv_version().encode() + b"\n" + content).hexdigest()


def read_stamps() -> dict[str, str]:
    try:
        stamps = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def note_installed(names: list[str]) -> None:
    stamps = {**read_stamps(), **{name: fingerprint(name) for name in names}}
    draft = STAMP.with_suffix(".new")
    draft.write_text(json.dumps(stamps, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(STAMP)


def require_space() -> None:
    free = shutil.disk_usage(ROOT).free
    if free < MINIMUM_FREE_BYTES:
        raise InstallError(
            f"The disk of {ROOT} is nearly full: {free // 1024**2} MB are free,"
            f" {MINIMUM_FREE_BYTES // 1024**2} MB are needed to install."
        )


def this_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def venv_version() -> str:
    """The minor version that `.venv` was made with, as "3.11"; empty when there is none."""
    try:
        text = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r"^version(?:_info)? *= *(\d+\.\d+)", text, flags=re.MULTILINE)
    return found[1] if found else ""


def venv_works(wanted: str) -> bool:
    """Whether `.venv` has pip and runs on the wanted Python, or on any that is supported."""
    if venv_version() not in ((wanted,) if wanted else SUPPORTED):
        return False
    try:
        answer = subprocess.run(  # noqa: S603 - our own interpreter
            [PYTHON, "-I", "-c", "import pip"], capture_output=True, check=False
        )
    except OSError:
        return False
    return answer.returncode == 0


def make_venv() -> None:
    say(f"making .venv with Python {sys.version.split()[0]} ({sys.executable})")
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-I", "-m", "venv", "--clear", VENV],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    output = done.stdout + done.stderr
    if "ensurepip" in output:
        raise InstallError(
            f"{sys.executable} cannot make virtual environments: install its venv package"
            f" (Debian: apt install python{this_version()}-venv)."
        )
    raise InstallError(reason(output) or f".venv could not be made: {last_line(output)}")


def install_files(names: list[str]) -> None:
    """Run pip once over all files, showing how far it is. Raises InstallError with the reason."""
    total = sum(count_pins(name) for name in names)
    say(f"installing {total} packages ({', '.join(names)}); this takes some minutes")
    command = [
        *(str(PYTHON), "-I", "-m", "pip", "install", "--require-hashes", "--no-deps"),
        *("--no-input", "--disable-pip-version-check", "--no-compile", "--progress-bar", "off"),
        *(part for name in names for part in ("-r", str(REQUIREMENTS / f"{name}.txt"))),
    ]
    with LOG.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
        )
        try:
            follow(process, log, Progress(total))
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        text = LOG.read_text(encoding="utf-8")
        raise InstallError(f"{reason(text) or last_line(text)} pip's output: {LOG}")


def count_pins(name: str) -> int:
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    return len(re.findall(r"^[A-Za-z0-9]\S*==", text, flags=re.MULTILINE))


def follow(process: subprocess.Popen[str], log: IO[str], progress: Progress) -> None:
    """Copy pip's output to the log and report from it until pip ends."""
    lines: queue.Queue[str | None] = queue.Queue()
    output = process.stdout
    if output is None:
        raise InstallError("pip's output cannot be read.")

    def read() -> None:
        for line in output:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=PROGRESS_INTERVAL)
        except queue.Empty:
            progress.report()
            continue
        if line is None:
            break
        log.write(line)
        log.flush()
        progress.take(line)
    process.wait()


class Progress:
    """Reads pip's lines and says at most every five seconds how far it is."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen = 0
        self.doing = "asking the index"
        self._before = installed_count()
        self._begun = self._spoken = time.monotonic()

    def take(self, line: str) -> None:
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            self.seen += 1
            self.doing = "fetching"
        elif line.startswith("Building wheels") or line.lstrip().startswith("Building wheel"):
            self.doing = "compiling"
        elif line.startswith("Installing collected"):
            self.doing = "unpacking"
            self._before = installed_count()
            self.total = line.count(",") + 1
        self.report()

    def report(self) -> None:
        now = time.monotonic()
        if now - self._spoken < PROGRESS_INTERVAL:
            return
        self._spoken = now
        done = installed_count() - self._before if self.doing == "unpacking" else self.seen
        done = max(0, min(done, self.total))
        say(f"{self.doing}: {done} of {self.total} packages, {now - self._begun:.0f} s")


def installed_count() -> int:
    """Packages in the virtual environment now."""
    return sum(1 for _ in VENV.glob("lib/python*/site-packages/*.dist-info"))


def reason(log: str) -> str:
    """The sentence for the first known cause in pip's output, or empty."""
    return next((text for pattern, text in REASONS if re.search(pattern, log)), "")


def last_line(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "pip said nothing."


def say(text: str) -> None:
    sys.stdout.write(f"  setup: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
