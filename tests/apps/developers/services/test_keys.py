"""What may happen to applications and keys at the same moment."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.developers.errors import (
    ApplicationNameTakenError,
    ApplicationNotFoundError,
    ApplicationStateError,
    KeyNotFoundError,
    KeyRotatedError,
    TooManyApplicationsError,
    TooManyKeysError,
)
from apps.developers.models import ApiKey, Application
from apps.developers.services import applications, keys
from core.ids import uuid7
from core.models import AuditEntry, OutboxEvent
from tests.factories.accounts import UserFactory
from tests.factories.developers import RULES, login_of, make_application, make_key
from tests.factories.parallel import in_parallel

AT_ONCE = 6
HOUR = timedelta(hours=1)


def kinds(answers):
    return sorted(type(answer).__name__ for answer in answers)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_the_last_application_is_made_once(self, monkeypatch):
        monkeypatch.setattr(applications, "APPLICATIONS_MAX", 3)
        owner = UserFactory()
        make_application(owner, "one")
        make_application(owner, "two")

        answers = in_parallel(lambda n: make_application(owner, f"at once {n}"), count=AT_ONCE)

        assert Application.objects.count() == 3
        assert kinds(answers) == ["Application"] + ["TooManyApplicationsError"] * (AT_ONCE - 1)
        assert any(isinstance(answer, TooManyApplicationsError) for answer in answers)

    def test_a_name_is_given_once(self):
        owner = UserFactory()

        answers = in_parallel(lambda _: make_application(owner, "Shop"), count=AT_ONCE)

        assert Application.objects.count() == 1
        refused = [a for a in answers if isinstance(a, ApplicationNameTakenError)]
        assert len(refused) == AT_ONCE - 1

    def test_the_last_key_is_made_once(self, monkeypatch):
        monkeypatch.setattr(keys, "KEYS_MAX", 8)
        application = make_application(UserFactory())

        def make_some(_):
            """Several, so that they overlap however long a thread takes to connect."""
            return [make_key(application) for _ in range(keys.KEYS_MAX + 1)]

        answers = in_parallel(make_some, count=AT_ONCE)

        assert kinds(answers) == [TooManyKeysError.__name__] * AT_ONCE
        assert ApiKey.objects.count() == 8

    def test_two_rotations_give_one_new_key(self):
        application = make_application(UserFactory())
        key = make_key(application).row

        answers = in_parallel(
            lambda _: keys.rotate_key(
                application_id=application.pk,
                key_id=key.pk,
                overlap=HOUR,
                check=lambda _: None,
                actor=login_of(application.owner),
                now=timezone.now(),
            ),
            count=AT_ONCE,
        )

        assert ApiKey.objects.count() == 2
        assert len([a for a in answers if isinstance(a, KeyRotatedError)]) == AT_ONCE - 1
        key.refresh_from_db()
        assert key.replaced_by_id == ApiKey.objects.exclude(pk=key.pk).get().pk

    def test_revoking_is_written_down_once(self):
        application = make_application(UserFactory())
        key = make_key(application).row

        in_parallel(
            lambda _: keys.revoke_key(key_id=key.pk, actor=None, reason="x", now=timezone.now()),
            count=AT_ONCE,
        )

        assert AuditEntry.objects.filter(action="developers.api_key.revoked").count() == 1

    def test_no_key_is_left_alive_when_it_is_closed_meanwhile(self):
        """Either the key comes first and dies with its application, or it is not made."""
        for _ in range(3):
            application = make_application(UserFactory())
            owner = application.owner

            def run(number, application=application, owner=owner):
                if number:
                    return make_key(application)
                return applications.close_application(
                    application_id=application.pk,
                    check=lambda _: None,
                    actor=login_of(owner),
                    now=timezone.now(),
                )

            answers = in_parallel(run, count=3)

            assert not ApiKey.objects.filter(application=application, revoked_at=None).exists()
            assert answers[0] is None
            refused = [a for a in answers if isinstance(a, ApplicationNotFoundError)]
            assert ApiKey.objects.filter(application=application).count() == 2 - len(refused)


@pytest.mark.django_db
class TestRotatingAKeyWithAnEnd:
    def test_gives_the_same_life_again(self, alice):
        application = make_application(alice)
        made = timezone.now() - timedelta(days=20)
        key = make_key(application).row
        ApiKey.objects.update(created_at=made, expires_at=made + timedelta(days=30))
        now = timezone.now()

        issued = keys.rotate_key(
            application_id=application.pk,
            key_id=key.pk,
            overlap=HOUR,
            check=lambda _: None,
            actor=login_of(alice),
            now=now,
        )

        assert issued.row.expires_at == now + timedelta(days=30)

    def test_gives_a_year_at_most(self, alice):
        application = make_application(alice)
        made = timezone.now() - timedelta(days=300)
        key = make_key(application).row
        ApiKey.objects.update(created_at=made, expires_at=made + timedelta(days=600))
        now = timezone.now()

        issued = keys.rotate_key(
            application_id=application.pk,
            key_id=key.pk,
            overlap=HOUR,
            check=lambda _: None,
            actor=login_of(alice),
            now=now,
        )

        assert issued.row.expires_at == now + keys.KEY_LIFE_MAX


@pytest.mark.django_db
class TestStaff:
    def test_suspend_and_resume_with_a_reason(self, alice, bob):
        application = make_application(alice)
        now = timezone.now()

        applications.suspend_application(
            application_id=application.pk, actor=login_of(bob), reason="Abuse.", now=now
        )

        application.refresh_from_db()
        assert (application.status, application.suspended_at) == ("suspended", now)
        entry = AuditEntry.objects.get(action="developers.application.suspended")
        assert (entry.actor_id, entry.reason) == (bob.pk, "Abuse.")
        assert (entry.before, entry.after) == ({"status": "active"}, {"status": "suspended"})
        event = OutboxEvent.objects.get(type="application.suspended")
        assert event.payload == {"name": "Shop"}
        applications.resume_application(
            application_id=application.pk, actor=login_of(bob), reason="Explained.", now=now
        )
        application.refresh_from_db()
        assert (application.status, application.suspended_at) == ("active", None)

    @pytest.mark.parametrize("status", ["suspended", "closed"])
    def test_suspend_only_what_is_active(self, status, alice):
        application = make_application(alice)
        now = timezone.now()
        end = {"suspended_at": now} if status == "suspended" else {"closed_at": now}
        Application.objects.update(status=status, **end)

        with pytest.raises(ApplicationStateError):
            applications.suspend_application(
                application_id=application.pk, actor=None, reason="x", now=now
            )

    def test_resume_only_what_is_suspended(self, alice):
        application = make_application(alice)

        with pytest.raises(ApplicationStateError):
            applications.resume_application(
                application_id=application.pk, actor=None, reason="x", now=timezone.now()
            )

    def test_nothing_that_does_not_exist(self):
        for move in (applications.suspend_application, applications.resume_application):
            with pytest.raises(ApplicationNotFoundError):
                move(application_id=uuid7(), actor=None, reason="x", now=timezone.now())
        with pytest.raises(KeyNotFoundError):
            keys.revoke_key(key_id=uuid7(), actor=None, reason="x", now=timezone.now())


@pytest.mark.django_db
class TestRules:
    def test_are_all_that_a_key_is_made_of(self):
        assert set(RULES) == set(keys.RULES)
