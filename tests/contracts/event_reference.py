"""docs/reference/events.md as the catalogue would have it."""

from __future__ import annotations

import json

from django.core.serializers.json import DjangoJSONEncoder

from core.outbox import event_types

HEAD = """# Event types

What `GET /api/v1/events` shows and a [webhook](../guides/webhooks.md) brings: {count} types. What
is for one person alone comes by `/events` only; a test comes by a webhook only. Made from the
catalogue by `UPDATE_EVENTS=1 make test T=tests/contracts/test_event_types.py`; how events travel
is in [events](../subsystems/events.md).

New types may come, and new members of `data`; ignore what you do not know. A member that changes
its meaning or goes away moves `schema_version`.

| type | about | when | who hears of it |
|---|---|---|---|
{rows}
"""

SECTION = """
## {family}.*

{types}
"""


def reference() -> str:
    """The whole page."""
    types = event_types().values()
    rows = "\n".join(
        f"| `{each.name}` | {each.object_type} | {each.summary} | {each.audience.value} |"
        for each in types
    )
    families = dict.fromkeys(each.family for each in types)
    sections = [
        SECTION.format(
            family=family, types="\n\n".join(_type(each) for each in types if each.family == family)
        )
        for family in families
    ]
    return HEAD.format(count=len(types), rows=rows) + "".join(sections)


def _type(event_type) -> str:
    members = "\n".join(_members(event_type.json_schema()))
    example = json.dumps(event_type.example, cls=DjangoJSONEncoder)
    where = f" Found at `{event_type.path}`." if event_type.path else ""
    version = event_type.schema_version
    return (
        f"**`{event_type.name}`** (schema version {version}). {event_type.summary}{where}\n\n"
        f"| member of `data` | type | meaning |\n|---|---|---|\n{members}\n\n"
        f"```json\n{example}\n```"
    )


def _members(schema, prefix: str = ""):
    for name, member in schema["properties"].items():
        yield f"| `{prefix}{name}` | {_type_of(member)} | {member['description']} |"
        if "properties" in member:
            yield from _members(member, f"{prefix}{name}.")


def _type_of(member) -> str:
    kinds = member["type"] if isinstance(member["type"], list) else [member["type"]]
    text = " or ".join(kinds)
    if "enum" in member:
        return f"{text}: {', '.join(f'`{value}`' for value in member['enum'])}"
    return f"{text} ({member['format']})" if "format" in member else text
