"""Pages say which methods they take, whoever asks without a token or a login."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db

FORM, READ = "GET, HEAD, POST", "GET, HEAD"
PAGES = {
    "/account/login": FORM,
    "/account/logout": "POST",
    "/account/password-reset": FORM,
    "/account/password-reset/sent": READ,
    "/account/password-reset/confirm": FORM,
    "/account/confirm-email": FORM,
    "/account/authorizations": READ,
    "/oauth/authorize": FORM,
    "/.well-known/oauth-authorization-server": READ,
}


@pytest.mark.parametrize(
    ("path", "method"),
    [
        (path, method)
        for path, allowed in PAGES.items()
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PURGE")
        if method not in allowed.split(", ")
    ],
)
def test_a_method_that_a_page_does_not_take_is_405(path, method, assert_problem):
    answer = Client(enforce_csrf_checks=True).generic(method, path, headers={"accept": "*/*"})

    assert answer["Allow"] == PAGES[path]
    if method == "HEAD":
        assert answer.status_code == 405
    else:
        assert_problem(answer, 405, "method_not_allowed")


@pytest.mark.parametrize("path", [path for path, allowed in PAGES.items() if "POST" in allowed])
def test_a_form_without_its_token_stays_refused(path):
    answer = Client(enforce_csrf_checks=True).post(path)

    assert answer.status_code == 403
