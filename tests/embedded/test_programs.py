"""Where to listen and how many processes: read from the environment, refused by name."""

from __future__ import annotations

import pytest

from embedded.errors import InvalidSettingError
from embedded.programs import Options

EVERYWHERE = "0.0.0.0"  # noqa: S104 - a setting that is read, not bound


def test_the_defaults():
    options = Options.read({})
    assert (options.host, options.port) == ("127.0.0.1", 8000)
    assert (options.web_threads, options.worker_concurrency) == (4, 2)
    assert options.web_workers >= 1


def test_every_figure_can_be_set():
    options = Options.read(
        {
            "HOST": EVERYWHERE,
            "PORT": "9000",
            "WEB_WORKERS": "3",
            "WEB_THREADS": "1",
            "WORKER_CONCURRENCY": "5",
            "SERVING_RSS_BYTES": "0",
        }
    )
    assert options == Options(EVERYWHERE, 9000, 3, 1, 5, 0)


@pytest.mark.parametrize("value", ["0", "65536", "-1", "eight", "1.5", "²"])
def test_what_is_no_port_is_refused_by_name(value):
    with pytest.raises(InvalidSettingError, match=r"^PORT must be a whole number from 1 to 65535"):
        Options.read({"PORT": value})


@pytest.mark.parametrize(
    ("host", "is_loopback", "url"),
    [
        ("127.0.0.1", True, "http://127.0.0.1:8000"),
        ("localhost", True, "http://localhost:8000"),
        ("::1", True, "http://[::1]:8000"),
        ("127.8.8.8", True, "http://127.8.8.8:8000"),
        (EVERYWHERE, False, "http://127.0.0.1:8000"),
        ("::", False, "http://[::1]:8000"),
        ("192.0.2.7", False, "http://192.0.2.7:8000"),
        ("example.org", False, "http://example.org:8000"),
    ],
)
def test_hosts(host, is_loopback, url):
    options = Options(host=host)
    assert (options.is_loopback, options.url) == (is_loopback, url)
