"""The one number that every change of routing moves, in the change's own transaction."""

from __future__ import annotations

from django.db import connection, transaction

from apps.ml_models.models import RoutingGeneration
from apps.ml_models.runtime.nudges import nudge

_MOVE = """
    INSERT INTO {table} AS routing (id, generation) VALUES (%s, 1)
    ON CONFLICT (id) DO UPDATE SET generation = routing.generation + 1
    RETURNING generation
"""


def move_generation() -> int:
    """Move the routing generation by one and return it.

    Caller is inside a transaction: the row stays locked until its end, which puts changes of
    routing in one order, and processes see the new number with the change and not before. When it
    commits, they are told to look.
    """
    table = connection.ops.quote_name(RoutingGeneration._meta.db_table)  # noqa: SLF001 - Django's documented accessor
    with connection.cursor() as cursor:
        cursor.execute(_MOVE.format(table=table), [RoutingGeneration.ONLY])
        (generation,) = cursor.fetchone()
    transaction.on_commit(nudge, robust=True)
    return int(generation)
