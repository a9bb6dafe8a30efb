"""Reliability report, table A, rows 1 to 3 and 5, as far as the dispatcher decides; scopes."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from core.api.authentication import VerifiedTokens
from core.api.authentication import token_of as bearer_of
from core.api.permissions import HasRequiredScopes
from core.api.refusals import InvalidTokenError
from core.models import Revocation
from core.security import revocation
from core.security.principal import PrincipalUser
from tests.core.api import callers
from tests.core.api.callers import ALICE, SHOP, SpelledScheme

WHO = "/api/v1/who"


class TestHeader:
    def test_absent_is_401_with_a_challenge(self, anyone, assert_problem):
        response = anyone.get(WHO)

        assert_problem(response, 401, "not_authenticated")
        assert response["WWW-Authenticate"] == 'Bearer realm="agora"'

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Basic dTpw",
            "Token abc",
            "bearertest_x",
            "Bearer é",
            "Bearer " + "a" * 4_096,
            "Bearer " + "a" * 1_000_000,
            "Bearer a\tb",
            "Bearer test_{}",
            "Bearer garbage",
            "Bearer eyJhbGciOiJub25lIn0.e30.",
            "Bearer =",
            "Bearer test_",
            "Bearer test_!",
        ],
    )
    def test_that_is_no_good_token_is_401(self, anyone, assert_problem, header):
        response = anyone.get(WHO, headers={"authorization": header})

        assert_problem(response, 401, "invalid_token")
        assert response["WWW-Authenticate"] == 'Bearer realm="agora", error="invalid_token"'

    @pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER   abc"])
    def test_scheme_is_case_insensitive(self, header):
        assert bearer_of(header) == "abc"

    @pytest.mark.parametrize(
        "header", ["Bearer abc ", " Bearer abc", "Bearer ab=c", "Bearer\u00a0abc"]
    )
    def test_grammar_is_rfc_6750s(self, header):
        with pytest.raises(InvalidTokenError):
            bearer_of(header)

    def test_bad_is_refused_on_public_views_too(self, anyone, assert_problem):
        response = anyone.get("/api/v1/echo", headers={"authorization": "Bearer nonsense"})

        assert_problem(response, 401, "invalid_token")

    def test_absent_is_nobody_on_public_views(self, anyone, caller):
        assert anyone.put(WHO).json() == {"anonymous": True}
        assert caller().put(WHO).json() == {"anonymous": False}

    def test_good_says_who_is_calling(self, caller):
        assert caller().get(WHO).json() == {"user_id": str(ALICE), "user": "somebody"}

    def test_is_the_only_place_for_a_token(self, anyone, assert_problem):
        anyone.cookies["token"] = callers.token_of()

        assert_problem(anyone.get(WHO), 401, "not_authenticated")

    def test_no_query_is_needed(self, caller, django_assert_num_queries, db):
        with django_assert_num_queries(0):
            assert caller().get(WHO).status_code == 200


class TestVerifiedTokens:
    def test_a_token_is_verified_once(self, caller):
        client = caller()

        assert [client.get(WHO).status_code for _ in range(3)] == [200, 200, 200]
        assert len(SpelledScheme.verified) == 1

    def test_an_expired_one_is_verified_again(self, caller):
        client = caller(lives=-1)

        for _ in range(2):
            client.get(WHO)

        assert len(SpelledScheme.verified) == 2

    def test_a_scheme_may_ask_for_each_call(self, caller, monkeypatch):
        monkeypatch.setattr(SpelledScheme, "keeps", False)
        client = caller()

        for _ in range(2):
            client.get(WHO)

        assert len(SpelledScheme.verified) == 2

    def test_the_oldest_goes_when_it_is_full(self):
        tokens, user = (
            VerifiedTokens(size=2),
            PrincipalUser(SpelledScheme().authenticate(callers.token_of())),
        )

        for name in ("a", "b", "c"):
            tokens.put(name, user)

        now = time.time()
        assert [tokens.get(name, now=now) for name in ("a", "b", "c")] == [None, user, user]

    def test_expiry_is_to_the_second(self):
        tokens, user = (
            VerifiedTokens(size=2),
            PrincipalUser(SpelledScheme().authenticate(callers.token_of())),
        )
        tokens.put("a", user)
        end = user.principal.expires_at.timestamp()

        assert (tokens.get("a", now=end - 1), tokens.get("a", now=end)) == (user, None)


@pytest.mark.django_db
class TestRevocation:
    def revoke(self, kind, subject, **change):
        now = datetime.now(UTC)
        fields = {
            "not_before": now,
            "expires_at": now + timedelta(hours=1),
            "reason": "test",
            **change,
        }
        revocation.revoke(kind, str(subject), **fields)
        revocation.refresh()

    def test_kills_a_token_that_was_already_verified(self, caller, assert_problem):
        client = caller()
        assert client.get(WHO).status_code == 200

        self.revoke(Revocation.Kind.USER, ALICE)

        assert_problem(client.get(WHO), 401, "token_revoked")

    def test_of_an_application_leaves_its_owner_alone(self, caller):
        earlier = datetime.now(UTC).isoformat()
        self.revoke(Revocation.Kind.APPLICATION, SHOP)

        assert caller(application_id=SHOP, issued_at=earlier).get(WHO).status_code == 401
        assert caller(issued_at=earlier).get(WHO).status_code == 200

    def test_leaves_later_tokens_alone(self, caller):
        self.revoke(
            Revocation.Kind.USER, ALICE, not_before=datetime.now(UTC) - timedelta(seconds=5)
        )

        assert caller().get(WHO).status_code == 200


class TestScopes:
    def test_missing_is_403_and_named(self, caller, assert_problem):
        response = caller("profile:read").post(WHO, content_type="application/json")

        problem = assert_problem(response, 403, "insufficient_scope")
        assert problem["required_scope"] == "profile:write"
        assert 'scope="profile:write"' in response["WWW-Authenticate"]

    def test_present_opens(self, caller):
        response = caller("profile:write").post(WHO, content_type="application/json")

        assert response.status_code == 200

    def test_an_operation_that_names_none_is_closed_to_everybody(
        self, caller, anyone, assert_problem
    ):
        client = caller("profile:write", "profile:read", is_staff=True)

        assert_problem(client.delete(WHO), 403, "permission_denied")
        assert_problem(anyone.delete(WHO), 401, "not_authenticated")

    def test_head_needs_what_get_needs(self, anyone, caller):
        assert anyone.head(WHO).status_code == 401
        assert caller().head(WHO).status_code == 200

    def test_staff_only_is_asked_beside_the_scope(self, caller, anyone, assert_problem):
        assert_problem(caller().get("/api/v1/staff"), 403, "staff_only")
        assert_problem(anyone.get("/api/v1/staff"), 401, "not_authenticated")
        assert caller(is_staff=True).get("/api/v1/staff").status_code == 200

    def test_are_asked_even_where_a_view_names_other_permissions(self):
        from tests.core.api.urls import StaffView

        assert HasRequiredScopes not in StaffView.permission_classes  # and yet the 401 above
