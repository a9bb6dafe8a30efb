"""Finds a Python that the platform runs on and hands over to install.py; the Makefile's first step.

Written so that any Python 3 can read it: an old one must be able to say that it is too old.
"""

import os
import subprocess
import sys

SUPPORTED = ((3, 12), (3, 11))
CANNOT_START = 1  # exit code


def main(arguments: "list[str]") -> int:
    wanted = ""
    if arguments[:1] == ["--python"]:
        wanted, arguments = arguments[1], arguments[2:]
    if wanted:
        arguments = [*arguments, "--named"]
    python = find_python(wanted)
    if python is not None:
        here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib came later
        install = os.path.join(here, "install.py")  # noqa: PTH118 - as above
        os.execv(python, [python, "-I", install, *arguments])  # noqa: S606 - that is its job
    if wanted:
        sys.stderr.write("agora: PYTHON=%s is not a working Python 3.11 or 3.12.\n" % wanted)  # noqa: UP031 - as above
    else:
        sys.stderr.write(too_old(sys.version_info[:3], sys.executable) + "\n")
    return CANNOT_START


def find_python(wanted: str) -> "str | None":
    """The path of a supported Python: the one asked for, this one, or another on PATH; or None."""
    if wanted:
        return supported_path(wanted)
    if sys.version_info[:2] in SUPPORTED:
        return sys.executable
    for major, minor in SUPPORTED:
        found = supported_path("python%d.%d" % (major, minor))  # noqa: UP031 - as above
        if found:
            return found
    return None


def supported_path(name: str) -> "str | None":
    """Ask a command for its version: a name on PATH may be a shim of something not installed."""
    question = "import sys; print(sys.executable); print(sys.version_info[0], sys.version_info[1])"
    try:
        answer = subprocess.check_output(  # noqa: S603 - a list of arguments, no shell
            [name, "-I", "-c", question], stderr=subprocess.DEVNULL
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    path, version = answer.decode().strip().splitlines()
    return path if tuple(int(part) for part in version.split()) in SUPPORTED else None


def too_old(version: "tuple[int, int, int]", path: str) -> str:
    return (
        "agora: Agora needs Python 3.11 or 3.12; this is %s (%s)."  # noqa: UP031 - as above
        " Install one, or name it: make PYTHON=/path/to/python3.12 ..."
        % (".".join(str(part) for part in version), path)
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
