"""Reliability report, table A, rows 1 to 3 and 5, as far as the dispatcher decides; scopes."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.api.authentication import Verified, VerifiedTokens
from core.api.authentication import token_of as bearer_of
from core.api.permissions import HasRequiredScopes
from core.api.refusals import InvalidTokenError
from core.models import Revocation
from core.security import revocation
from core.security.principal import PrincipalUser
from tests.core.api import callers
from tests.core.api.callers import ALICE, BOB, SHOP, SpelledScheme

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

    def test_the_oldest_goes_when_it_is_full(self):
        tokens, known = VerifiedTokens(size=2), verified()

        for name in ("a", "b", "c"):
            tokens.put(name, known)

        now = time.time()
        assert [tokens.get(name, now=now) for name in ("a", "b", "c")] == [None, known, known]

    def test_expiry_is_to_the_second(self):
        tokens, known = VerifiedTokens(size=2), verified()
        tokens.put("a", known)

        assert (tokens.get("a", now=known.until - 1), tokens.get("a", now=known.until)) == (
            known,
            None,
        )


def verified():
    user = PrincipalUser(SpelledScheme().authenticate(callers.token_of()))
    return Verified(user, until=user.principal.expires_at.timestamp(), since=None)


@pytest.mark.django_db
class TestTokensWithARow:
    """What is kept of a token is read again when its row may say something else."""

    @pytest.fixture(autouse=True)
    def _has_a_row(self, monkeypatch):
        monkeypatch.setattr(SpelledScheme, "has_row", True)

    def announce(self, kind, subject):
        revocation.announce_change(kind, str(subject), now=datetime.now(UTC), reason="test")
        revocation.refresh()

    def test_are_read_once_while_nothing_changes(self, caller, django_assert_num_queries):
        client = caller()
        revocation.refresh()

        with django_assert_num_queries(0):
            assert [client.get(WHO).status_code for _ in range(3)] == [200, 200, 200]
        assert len(SpelledScheme.verified) == 1

    @pytest.mark.parametrize("kind", ["user", "owner", "application", "credential"])
    def test_are_read_again_once_after_a_change_that_concerns_them(self, caller, kind):
        client = caller(application_id=SHOP, owner_id=BOB)
        client.get(WHO)
        kept = SpelledScheme().authenticate(SpelledScheme.verified[0])
        subjects = {
            "user": (Revocation.Kind.USER, ALICE),
            "owner": (Revocation.Kind.USER, BOB),
            "application": (Revocation.Kind.APPLICATION, SHOP),
            "credential": (Revocation.Kind.CREDENTIAL, kept.credential_id),
        }
        SpelledScheme.verified.clear()

        self.announce(*subjects[kind])

        assert [client.get(WHO).status_code for _ in range(3)] == [200, 200, 200]
        assert len(SpelledScheme.verified) == 1

    def test_are_read_again_after_each_of_several_changes(self, caller):
        client = caller(application_id=SHOP)
        for _ in range(3):
            client.get(WHO)
            self.announce(Revocation.Kind.APPLICATION, SHOP)
        client.get(WHO)

        assert len(SpelledScheme.verified) == 4

    def test_are_not_read_again_after_a_change_of_others(self, caller):
        client = caller(application_id=SHOP)
        client.get(WHO)

        self.announce(Revocation.Kind.USER, UUID(int=7))
        self.announce(Revocation.Kind.APPLICATION, UUID(int=7))

        assert client.get(WHO).status_code == 200
        assert len(SpelledScheme.verified) == 1

    def test_a_change_noticed_while_the_row_is_read_has_it_read_again(self, caller, monkeypatch):
        """The reading began before the change was known, so it may have missed it."""
        client = caller(application_id=SHOP)
        read = SpelledScheme.authenticate

        def slowly(scheme, token):
            principal = read(scheme, token)
            if len(SpelledScheme.verified) == 1:
                self.announce(Revocation.Kind.APPLICATION, SHOP)
            return principal

        monkeypatch.setattr(SpelledScheme, "authenticate", slowly)

        assert [client.get(WHO).status_code for _ in range(3)] == [200, 200, 200]
        assert len(SpelledScheme.verified) == 2

    def test_are_read_again_after_five_minutes_at_the_latest(self, caller, monkeypatch):
        client = caller(lives=10**6)
        client.get(WHO)
        now = time.time()
        monkeypatch.setattr("core.api.authentication.time.time", lambda: now + 299)
        client.get(WHO)
        assert len(SpelledScheme.verified) == 1

        monkeypatch.setattr("core.api.authentication.time.time", lambda: now + 301)
        client.get(WHO)

        assert len(SpelledScheme.verified) == 2

    def test_answer_503_while_changes_are_unknown(self, caller, monkeypatch, assert_problem):
        client = caller()
        client.get(WHO)
        blind = revocation.RevocationSnapshot(taken_at=0.0, max_age=0.0)
        monkeypatch.setattr(revocation, "_by_hand", blind)

        assert_problem(client.get(WHO), 503, "revocation_unknown")
        assert_problem(caller(lives=5).get(WHO), 503, "revocation_unknown")
        assert len(SpelledScheme.verified) == 1


class TestRestrictions:
    @pytest.mark.parametrize(
        ("networks", "address", "status"),
        [
            (["192.0.2.0/24"], "192.0.2.7", 200),
            (["192.0.2.0/24"], "192.0.3.7", 403),
            (["192.0.2.7/32"], "::ffff:192.0.2.7", 200),
            (["2001:db8::1/128"], "2001:db8::1", 200),
            (["2001:db8::1/128"], "2001:db8::2", 403),
            (["10.0.0.0/8", "2001:db8::/32"], "2001:db8:9::9", 200),
            (["0.0.0.0/0"], "nonsense", 403),
        ],
    )
    def test_bind_a_credential_to_networks(self, caller, networks, address, status):
        response = caller(networks=networks).get(WHO, REMOTE_ADDR=address)

        assert response.status_code == status

    def test_a_call_from_elsewhere_says_so(self, caller, assert_problem):
        response = caller(networks=["192.0.2.0/24"]).get(WHO, REMOTE_ADDR="198.51.100.1")

        assert_problem(response, 403, "address_not_allowed")

    def test_a_forwarded_address_counts_only_behind_our_proxy(self, caller, settings):
        client = caller(networks=["192.0.2.0/24"])
        forwarded = {"X-Forwarded-For": "192.0.2.7"}

        assert client.get(WHO, headers=forwarded, REMOTE_ADDR="10.0.0.1").status_code == 403
        settings.NUM_PROXIES = 1
        assert client.get(WHO, headers=forwarded, REMOTE_ADDR="10.0.0.1").status_code == 200

    def test_a_reading_credential_reads_alone(self, caller, assert_problem):
        client = caller("profile:write", read_only=True)

        assert client.get(WHO).status_code == 200
        assert client.head(WHO).status_code == 200
        response = client.post(WHO, content_type="application/json")
        assert_problem(response, 403, "read_only_credential")


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
