import pytest

from tests.factories import oauth


@pytest.fixture
def application(alice):
    """Alice's program; people other than her are asked for consent."""
    return oauth.make_application(
        alice,
        description="Tells a shop which visitors will buy.",
        website="https://assistant.example.org",
    )


@pytest.fixture
def shop(application):
    """Its client on a server of its own."""
    return oauth.make_client(application)


@pytest.fixture
def phone(application):
    """Its client on people's phones, which can keep no secret."""
    return oauth.make_public_client(application)


@pytest.fixture
def service(application):
    """Its client that acts for nobody but Alice."""
    return oauth.make_service(application)


@pytest.fixture
def carol(db):
    """Somebody who uses the program."""
    from tests.factories.accounts import UserFactory

    return UserFactory(username="carol")


@pytest.fixture
def assert_refused():
    """`assert_refused(response, status, error)`: RFC 6749's own shape, and never to be kept."""

    def check(response, status, error):
        assert response.status_code == status, response.content
        document = response.json()
        assert document["error"] == error, document
        assert document.keys() <= {"error", "error_description"}
        assert response["Content-Type"] == "application/json"
        assert response["Cache-Control"] == "no-store"
        assert response["Pragma"] == "no-cache"
        return document

    return check
