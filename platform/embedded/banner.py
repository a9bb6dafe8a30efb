"""What a newcomer reads when the platform is up: where it is, who may enter, three lines to try."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from embedded.proof import MODEL, PASSWORD, USERNAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedded.proof import Proof, Row

RULE = "-" * 78
RESULTS_SHOWN = 5


def banner(url: str, proof: Proof) -> str:
    lines = [RULE, *_answers(proof), *_places(url)]
    if proof.rows:
        lines += ["Try it (paste all three):", "", *curl_lines(url, proof.rows), ""]
    return "\n".join([*lines, RULE])


def curl_lines(url: str, rows: Sequence[Row]) -> list[str]:
    """Login into a shell variable, a prediction, a batch prediction; each works as printed."""
    # Without -g, curl would take the brackets of an IPv6 address for a pattern.
    curl = "curl -sSg" if "[" in url else "curl -sS"
    body = '-H "Content-Type: application/json" -d'
    bearer = '-H "Authorization: Bearer $TOKEN"'
    key = '-H "Idempotency-Key: try-$(date +%s%N)"'
    login = _json({"username": USERNAME, "password": PASSWORD})
    access = r"""sed -n 's/.*"access": *"\([^"]*\)".*/\1/p'"""
    batch = _json({"model": MODEL, "features": rows})
    return [
        f"TOKEN=$({curl} {url}/api/v1/login {body} {login} | {access})",
        f"{curl} {url}/api/v1/predict {bearer} {body} {_json({'features': rows[0]})}; echo",
        f"{curl} {url}/api/v1/batch-predictions {bearer} {key} {body} {batch}; echo",
    ]


def _answers(proof: Proof) -> list[str]:
    if proof.skipped:
        return [f"No proof was run: {proof.skipped}.", ""]
    return [
        "Asked for one prediction, got:",
        f"  {proof.prediction}",
        f"Asked for a batch prediction of {len(proof.rows)} rows, a worker answered:",
        *(f"  {line}" for line in proof.results[:RESULTS_SHOWN]),
        "",
    ]


def _places(url: str) -> list[str]:
    return [
        f"  API docs    {url}/api/docs",
        f"  Admin       {url}/admin/",
        f"  Schema      {url}/api/schema",
        "  Accounts    admin / admin (staff), demo / demo (developer)",
        "",
    ]


def _json(value: object) -> str:
    """Compact JSON in shell quotes."""
    return shlex.quote(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
