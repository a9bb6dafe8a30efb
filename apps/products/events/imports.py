"""What an import tells whoever started it."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypedDict

from core.outbox import Audience, EventType, declare

EndState = Literal["succeeded", "partially_succeeded", "failed"]


class ImportData(TypedDict):
    """Of an import that has ended."""

    status: Annotated[EndState, "Whether all of its rows were carried out, some, or none."]
    dry_run: Annotated[bool, "Whether it only said what it would do."]
    rows: Annotated[int, "Of the file, without its header."]
    created: Annotated[int, "Rows that made a variant."]
    updated: Annotated[int, "Rows that changed something."]
    unchanged: Annotated[int, "Rows that said what was so already."]
    failed: Annotated[int, "Rows that were not carried out."]


IMPORT_COMPLETED: Final = declare(
    EventType(
        name="product_import.completed",
        object_type="product_import",
        summary="An import of products has ended: each row was carried out, or says why not.",
        audience=Audience.MAKER,
        data=ImportData,
        example={
            "status": "partially_succeeded",
            "dry_run": False,
            "rows": 1200,
            "created": 40,
            "updated": 158,
            "unchanged": 1000,
            "failed": 2,
        },
        path="/api/v1/product-imports/{object_id}",
    )
)
