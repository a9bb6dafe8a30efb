""".env.example names every variable that the code reads, and none that it does not."""

from __future__ import annotations

import re

from embedded.state import checkout

# Set by one process of ours for another, or by a tool; nobody else sets them.
INTERNAL = {"AGORA_PROCESS", "AGORA_SUPERVISOR", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHON"}
INTERNAL |= {"RES_OPTIONS"}  # resolv.conf(5): the C library's own, which an operator may have set
READERS = re.compile(
    r"""(?:\benv_\w+|\b_number|environ(?:ment)?\.get|environ\.setdefault|_given\.get|getenv)\(
        \s*(?:environment,\s*)?"([A-Z][A-Z_]+)" | environ\["([A-Z][A-Z_]+)"\]""",
    re.VERBOSE,
)
ELSEWHERE = {"UCI_CSV"}  # the Makefile and its test
IN_ENVIRONMENT = re.compile(r'"([A-Z][A-Z_]+)" in os\.environ')


def variables_read():
    root = checkout()
    files = [*(root / "platform").rglob("*.py"), *(root / "apps").rglob("*.py"), root / "manage.py"]
    found = set()
    for path in files:
        text = path.read_text(encoding="utf-8")
        found |= {name for match in READERS.findall(text) for name in match if name}
        found |= set(IN_ENVIRONMENT.findall(text))
    return found


def test_the_example_names_what_is_read():
    text = (checkout() / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#([A-Z][A-Z_]+)=", text, flags=re.MULTILINE))
    read = variables_read()
    foreign = {name for name in read if name.startswith(("PYTEST_", "TF_", "CUDA_", "PYTHON"))}

    assert {"HOST", "DATABASE_URL", "JWT_KEYS", "LOG_LEVEL", "WEB_THREADS"} <= read
    assert read - named - INTERNAL - foreign == set()
    assert named - read - ELSEWHERE == set()
