"""The files under docker/, read once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def checkout():
    return CHECKOUT


@pytest.fixture(scope="session")
def docker(checkout):
    return checkout / "docker"


@pytest.fixture(scope="session")
def compose(docker):
    return yaml.safe_load((docker / "compose.yaml").read_text())


@pytest.fixture(scope="session")
def services(compose):
    return compose["services"]


@pytest.fixture(scope="session")
def instructions(docker):
    """The Dockerfile as (stage, keyword, rest), one a logical line."""
    text = (docker / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    stage, found = "", []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        keyword, _, rest = line.strip().partition(" ")
        if keyword == "FROM":
            stage = rest.partition(" AS ")[2].strip()
        found.append((stage, keyword, " ".join(rest.split())))
    return found
