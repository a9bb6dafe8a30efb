"""What migrations make of rows that were there before them."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE, AFTER = "0002_sessions_ended_at", "0003_only_confirmed_addresses"


def migrate(name):
    executor = MigrationExecutor(connection)
    executor.migrate([("accounts", name)])
    return executor.loader.project_state([("accounts", name)]).apps.get_model("accounts", "User")


@pytest.fixture
def old_user():
    """The model as it was, and as it is again afterwards."""
    yield migrate(BEFORE)
    migrate(AFTER)


class TestOnlyConfirmedAddresses:
    def test_gives_back_what_nobody_has_confirmed(self, old_user):
        for name, pending, confirmed in (
            ("waiting", "", False),
            ("changing", "new@example.org", False),
            ("confirmed", "new@example.org", True),
        ):
            email = f"{name}@example.org"
            old_user.objects.create(
                username=name,
                username_key=name,
                email=email,
                email_key=email,
                email_verified_at=timezone.now() if confirmed else None,
                pending_email=pending,
            )

        user = migrate(AFTER)

        rows = user.objects.order_by("username").values_list(
            "username", "email", "email_key", "pending_email", "row_version"
        )
        assert list(rows) == [
            ("changing", "", "", "new@example.org", 2),
            ("confirmed", "confirmed@example.org", "confirmed@example.org", "new@example.org", 1),
            ("waiting", "", "", "waiting@example.org", 2),
        ]
