from datetime import timedelta

import pytest
from django.utils import timezone

from apps.accounts import services, tasks
from apps.accounts.models import RefreshFamily
from tests.factories.accounts import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


class TestPurgeEndedLogins:
    def test_deletes_what_has_run_out(self):
        alice = UserFactory()
        services.log_in(
            identifier=alice.username,
            password=PASSWORD,
            origin=services.Origin(),
            now=timezone.now() - timedelta(days=15),
        )
        tasks.purge_ended_logins(from_a_newer_release=1)

        assert not RefreshFamily.objects.exists()
