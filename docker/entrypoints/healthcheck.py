"""Healthy: the web server in this container answers /livez."""
# ruff: noqa: INP001 - a script of the images, in no package

from __future__ import annotations

import os
import sys
import urllib.request

TIMEOUT = 4  # seconds


def main() -> int:
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    request = urllib.request.Request(
        f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/livez", headers={"Host": host}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310 - as above
            return 0
    except OSError as error:  # also every answer of 400 and above
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
