"""Users for tests, with one password that everybody knows."""

from __future__ import annotations

import factory
from django.utils import timezone

from apps.accounts.models import User

PASSWORD = "correct horse battery staple"  # noqa: S105 - of people who exist in tests alone


class UserFactory(factory.django.DjangoModelFactory):
    """A user made as the platform makes them; `email` is pending unless `confirmed`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        confirmed = factory.Trait(email_verified_at=factory.LazyFunction(timezone.now))
        staff = factory.Trait(is_staff=True)

    username = factory.Sequence(lambda number: f"person-{number}")
    password = PASSWORD

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return model_class.objects.create_user(*args, **kwargs)
