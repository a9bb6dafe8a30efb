"""Scripts of the collection, run by Postman: they choose the credential, keep tokens and ids."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sdk.document import Document

KEPT = re.compile(r"keep\(\\?\"(\w+)")  # in the scripts, as text or within JSON

CHOOSE_CREDENTIAL = (
    "// A person's own token where there is one, else the application's key.",
    'const credential = pm.environment.get("token") || pm.environment.get("api_key") || "";',
    'pm.variables.set("credential", credential);',
)
KEEP = (
    "const answer = pm.response.code < 300 && pm.response.text() ? pm.response.json() : {};",
    "const keep = (name, value) => { if (value) pm.environment.set(name, String(value)); };",
)
TOKENS = ('keep("token", answer.access);', 'keep("refresh_token", answer.refresh);')
# By operation, what its answer is good for later.
OWN: Mapping[str, tuple[str, ...]] = {
    "log_in": TOKENS,
    "refresh_login": TOKENS,
    "change_password": TOKENS,
    "create_api_key": ('keep("key_id", answer.id);', 'keep("api_key", answer.key);'),
    "rotate_api_key": ('keep("key_id", answer.id);', 'keep("api_key", answer.key);'),
    "show_me": ('keep("user_id", answer.id);',),
    "list_authorizations": (),
    "list_models": ('keep("model_name", answer.results?.[0]?.name);',),
    "list_requests": ('keep("request_id", answer.results?.[0]?.request_id);',),
}


def before(lines: tuple[str, ...]) -> Document:
    return _event("prerequest", lines)


def after(lines: tuple[str, ...]) -> Document:
    return _event("test", lines)


def tests_of(document: Document, path: str, method: str, operation: Document) -> tuple[str, ...]:
    """A check that the answer is one that the schema knows, and what to keep of it."""
    known = ", ".join(sorted(operation["responses"]))
    check = (
        'pm.test("answers as the schema says", () =>',
        f"  pm.expect([{known}]).to.include(pm.response.code));",
    )
    name = operation["operationId"]
    kept = OWN[name] if name in OWN else _ids(document, path, method)
    return (*check, *KEEP, *kept) if kept else check


def _ids(document: Document, path: str, method: str) -> tuple[str, ...]:
    """The id of what was made, or of the first of a list, if some path has an argument for it."""
    from_list, from_one = "answer.results?.[0]?.id", "answer.id"
    if method not in {"get", "post"} or path.endswith("}"):
        return ()
    below = next((each for each in document["paths"] if each.startswith(f"{path}/{{")), "")
    argument = below.removeprefix(f"{path}/{{").partition("}")[0]
    if not argument.endswith("id"):
        return ()
    name = argument
    if argument == "id":
        name = path.rpartition("/")[2].removesuffix("s").replace("-", "_") + "_id"
    return (f'keep("{name}", {from_list if method == "get" else from_one});',)


def _event(listen: str, lines: tuple[str, ...]) -> Document:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": list(lines)}}
