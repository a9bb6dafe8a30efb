"""A Postman collection (format 2.1) and an environment, from the OpenAPI document.

Our own, since openapi-to-postmanv2 repeats the authorization in each request, fills headers with
the word "string", knows no variables for ids and gives other ids at each run.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from sdk import postman_scripts as scripts
from sdk.document import operations
from sdk.folders import replaced
from sdk.postman_bodies import body_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sdk.document import Document

FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
PREFIX = "/api/v1/"
FIRST = ("log_in", "register")  # operations that a newcomer sends first
# What later folders need is taken away when all of them are done, in this order.
ENDINGS = ("delete_model_alias", "close_application", "log_out")
AT_THE_END = {
    "name": "at the end",
    "description": "What the requests before need, taken away: send these when you are done.",
}
ARGUMENT = re.compile(r"\{(\w+)\}")
DESCRIPTION = """\
Every operation of the Agora API {version}, by subject.

1. Import this collection and its environment, choose the environment, set `base_url`, `username`
   and `password`.
2. Send *accounts / {log_in}*: its answer's token is kept, and every other request sends it.
3. Ids are kept too: what you make or list goes into variables like `application_id`, which the
   next requests use.
4. Run from top to bottom, nothing is taken away before it is used: a folder deletes last, and
   what other folders need, and your login, end in the last folder, *at the end*.

To call as your application instead, empty `token`: `api_key` is sent then. *Make a key* fills it.
"""
# What the variables of the environment begin with; the others begin empty.
VALUES = {
    "base_url": "http://127.0.0.1:8000",
    "username": "demo",
    "password": "demo",
    "model_name": "purchase-intent",
    "alias": "champion",
    "version_number": "1",
}
SECRET = {"password", "token", "refresh_token", "api_key"}


def build(document: Document, folder: Path) -> None:
    """Write collection.json and environment.json into a folder."""
    collection = collection_of(document)
    with replaced(folder) as draft:
        for name, made in (
            ("collection.json", collection),
            ("environment.json", environment_of(collection)),
        ):
            text = json.dumps(made, indent=1, ensure_ascii=False)
            (draft / name).write_text(text + "\n", encoding="utf-8")


def collection_of(document: Document) -> Document:
    info = document["info"]
    named = {made["operationId"]: made["summary"] for _, _, made in operations(document)}
    described = DESCRIPTION.format(version=info["version"], log_in=named.get("log_in", ""))
    return {
        "info": {
            "_postman_id": _id("collection"),
            "name": info["title"],
            "description": described,
            "schema": FORMAT,
        },
        "auth": {
            "type": "bearer",
            "bearer": [{"key": "token", "value": "{{credential}}", "type": "string"}],
        },
        "event": [scripts.before(scripts.CHOOSE_CREDENTIAL)],
        "item": list(_folders(document)),
    }


def environment_of(collection: Document) -> Document:
    """Every variable that a request or a script uses."""
    used = set(re.findall(r"\{\{(\w+)\}\}", json.dumps(collection)))
    used |= set(scripts.KEPT.findall(json.dumps(collection)))
    names = sorted((used | SECRET) - {"credential"})  # which a script chooses at each request
    return {
        "id": _id("environment"),
        "name": "Agora on this machine",
        "values": [
            {
                "key": name,
                "value": VALUES.get(name, ""),
                "type": "secret" if name in SECRET else "default",
                "enabled": True,
            }
            for name in sorted(names, key=lambda name: (name != "base_url", name))
        ],
        "_postman_variable_scope": "environment",
    }


def _folders(document: Document) -> Iterator[Document]:
    for tag in document["tags"]:
        found = [
            (path, method, operation)
            for path, method, operation in operations(document)
            if operation["tags"][0] == tag["name"] and operation["operationId"] not in ENDINGS
        ]
        found.sort(key=lambda item: (item[2]["operationId"] not in FIRST, item[1] == "delete"))
        if found:
            items = [_item(document, *operation) for operation in found]
            yield {"name": tag["name"], "description": tag["description"], "item": items}
    named = {operation[2]["operationId"]: operation for operation in operations(document)}
    endings = [_item(document, *named[name]) for name in ENDINGS if name in named]
    if endings:
        yield {**AT_THE_END, "item": endings}


def _item(document: Document, path: str, method: str, operation: Document) -> Document:
    request: Document = {
        "method": method.upper(),
        "url": _url(path, operation),
        "header": list(_headers(operation)),
        "description": operation.get("description", ""),
    }
    body, media_type = body_of(document, operation)
    if body:
        request["body"] = body
    if media_type:
        request["header"].append({"key": "Content-Type", "value": media_type})
    if operation["security"] == []:
        request["auth"] = {"type": "noauth"}
    return {
        "id": _id(operation["operationId"]),
        "name": operation["summary"],
        "event": [scripts.after(scripts.tests_of(document, path, method, operation))],
        "request": request,
        "response": [],
    }


def variable_of(path: str, argument: str) -> str:
    """The environment's name for an argument: `{id}` of /applications/{id} is application_id."""
    if argument == "id":
        before = path[: path.index("{id}")].rstrip("/").rpartition("/")[2]
        return before.removesuffix("s").replace("-", "_") + "_id"
    return {"name": "model_name", "number": "version_number"}.get(argument, argument)


def _url(path: str, operation: Document) -> Document:
    steps = [ARGUMENT.sub(lambda match: f":{match[1]}", step) for step in path.split("/")[1:]]
    query = list(_query(operation))
    asked = "&".join(f"{each['key']}={each['value']}" for each in query if not each["disabled"])
    return {
        "raw": "{{base_url}}/" + "/".join(steps) + (f"?{asked}" if asked else ""),
        "host": ["{{base_url}}"],
        "path": steps,
        "query": query,
        "variable": [
            {"key": name, "value": "{{" + variable_of(path, name) + "}}"}
            for name in ARGUMENT.findall(path)
        ],
    }


def _query(operation: Document) -> Iterator[Document]:
    """Each parameter, switched off: a list answers without any."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            yield {
                "key": parameter["name"],
                "value": _shown(parameter),
                "description": parameter.get("description", ""),
                "disabled": not parameter.get("required", False),
            }


def _headers(operation: Document) -> Iterator[Document]:
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "header":
            name, required = parameter["name"], parameter.get("required", False)
            yield {
                "key": name,
                "value": _sent(name, parameter),
                "description": parameter.get("description", ""),
                "disabled": not required,
            }


def _sent(name: str, parameter: Document) -> str:
    """What a header says as delivered: a write that needs `If-Match` takes whatever version."""
    if name == "Idempotency-Key":
        return "{{$guid}}"
    is_needed = name == "If-Match" and parameter.get("required", False)
    return "*" if is_needed else _shown(parameter)


def _shown(parameter: Document) -> str:
    """A value to begin with."""
    schema: dict[str, Any] = parameter["schema"]
    schema = schema.get("items", schema)
    chosen = schema.get("default", (schema.get("enum") or [""])[0])
    return str(chosen).lower() if isinstance(chosen, bool) else str(chosen)


def _id(name: str) -> str:
    """The same at each run, so that an import renews what was there."""
    return str(uuid5(NAMESPACE_URL, f"agora:postman:{name}"))
