"""What is sent of an event, byte for byte: the body that is signed and kept.

Standard Webhooks 1.0.0, section "Payload structure": `type`, `timestamp`, `data`; the rest is ours.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from django.core.serializers.json import DjangoJSONEncoder

from apps.webhooks.selectors.events import url_of_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Content:
    """What a body says.

    Attributes:
        type: of the event.
        object_type: of the object it is about.
        object_id: its id.
        sequence: 1, 2, 3 ... of the object's events; 0: a test, which is of no sequence.
        schema_version: of `data`.
        data: JSON.
        request_id: X-Request-Id of the cause; may be empty.
        occurred_at: aware.
    """

    type: str
    object_type: str
    object_id: str
    sequence: int
    schema_version: int
    data: Mapping[str, object]
    request_id: str
    occurred_at: datetime


def body_of(content: Content) -> str:
    """JSON in UTF-8 without a space too many: what fits into an event fits into 20 kB."""
    document = {
        "type": content.type,
        "timestamp": content.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "data": content.data,
        "object": {
            "type": content.object_type,
            "id": content.object_id,
            "url": url_of_object(content.type, content.object_id, content.data),
            "sequence": content.sequence,
        },
        "schema_version": content.schema_version,
        "request_id": content.request_id,
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, cls=DjangoJSONEncoder)
