"""A name server of the tests' own: nothing is asked outside. For settings.WEBHOOK_RESOLVER."""

from __future__ import annotations

PUBLIC = "93.184.215.14"  # what every name has that is not in ADDRESSES

# What single names have, one list an answer: the last list is given again and again. A test that
# adds one takes it away again (fixture `names`).
ADDRESSES: dict[str, list[list[str]]] = {}


def addresses_of(host: str) -> list[str]:
    if host == "localhost":
        return ["127.0.0.1"]
    answers = ADDRESSES.get(host)
    if answers is None:
        return [PUBLIC]
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if not answer:
        raise OSError(f"{host} has no address.")
    return answer
