"""ETag, If-None-Match, If-Match: RFC 9110 section 13, over a row's version."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, TypeAlias, TypeVar

from core.api.refusals import MalformedHeaderError, PreconditionRequiredError
from core.errors import FieldError, PreconditionError

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from django.http import HttpRequest
    from rest_framework.request import Request

ANY: Final = "*"
TAGS_MAX: Final = 1_000  # characters of a list of entity tags
ENTITY_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')  # RFC 9110 section 8.8.3
VERSION: Final = re.compile(r"v([0-9]{1,18})(?:-.*)?", re.ASCII)


class Versioned(Protocol):
    """Any row of a BaseModel."""

    row_version: int


Row = TypeVar("Row", bound=Versioned)


Check: TypeAlias = Callable[[Any], None]
"""What a service calls with the locked row, or None, before it writes."""


class NotModifiedError(Exception):
    """The caller has this version already; the view ends here with 304."""


def etag_of(row: Versioned, *, variant: str = "") -> str:
    """A strong entity tag: the row's version, and which representation of it this is."""
    return f'"v{row.row_version}-{variant}"' if variant else f'"v{row.row_version}"'


def expected_versions(request: Request | HttpRequest) -> frozenset[int] | None:
    """The row versions that If-Match allows, for a service to check under its lock.

    None: the caller sets no condition (no header, or `*`, which any existing row meets). A weak tag
    never matches (RFC 9110 section 13.1.1), so it adds no version. Of a tag the version counts and
    the variant does not: what moves without the row (a last use, a process) is nobody's change.

    Raises:
        MalformedHeaderError: the header is not a list of entity tags.
    """
    header = request.META.get("HTTP_IF_MATCH")
    if header is None or header.strip() == ANY:
        return None
    strong = (tag for weak, tag in _parse(header, "If-Match") if not weak)
    return frozenset(int(match[1]) for tag in strong if (match := VERSION.fullmatch(tag)))


def check_version(row: Versioned, expected: AbstractSet[int] | None, *, variant: str = "") -> None:
    """Refuse a write meant for another version. Call it early, and again under the row's lock.

    Raises:
        PreconditionError: 412, with the present tag, of the given variant.
    """
    if expected is not None and row.row_version not in expected:
        raise PreconditionError(
            f"The present version is {row.row_version}.",
            current_etag=etag_of(row, variant=variant),
        )


def check_absent(request: Request | HttpRequest) -> None:
    """Refuse to make what is not there yet when If-Match, even `*`, says that it must be.

    Raises PreconditionError: 412, without a present tag.
    """
    if "HTTP_IF_MATCH" in request.META:
        expected_versions(request)  # a malformed one is 400
        raise PreconditionError("There is nothing yet that If-Match could match.")


def check_presence(request: Request | HttpRequest) -> None:
    """Raises PreconditionRequiredError, 428 (RFC 6585 section 3): the header is missing."""
    if "HTTP_IF_MATCH" not in request.META:
        raise PreconditionRequiredError("Send If-Match with the ETag of what you read.")


def is_known(request: Request | HttpRequest, tag: str) -> bool:
    """Whether If-None-Match says that the caller has this representation; weak comparison."""
    header = request.META.get("HTTP_IF_NONE_MATCH")
    if header is None:
        return False
    if header.strip() == ANY:
        return True
    return any(f'"{opaque}"' == tag for _, opaque in _parse(header, "If-None-Match"))


def _parse(header: str, name: str) -> list[tuple[bool, str]]:
    """Entity tags as (weak, opaque) pairs."""
    parts = [part.strip() for part in header.split(",")] if len(header) <= TAGS_MAX else [""]
    matches = [ENTITY_TAG.fullmatch(part) for part in parts]
    found = [(match[1] is not None, match[2]) for match in matches if match is not None]
    if len(found) != len(parts):
        fault = FieldError(code="malformed", detail="A list of entity tags is needed.", header=name)
        raise MalformedHeaderError(f"{name} is not a list of entity tags.", errors=(fault,))
    return found


class ConditionalMixin:
    """For views: answers with a row's ETag, 304 where the caller has it, 412 where it is stale."""

    # Says so in the schema, of all operations or of those listed; `retrieve` has one anyway.
    has_etag: ClassVar[bool | frozenset[str]] = False
    takes_if_match: ClassVar[frozenset[str]] = frozenset()  # operations, beside every PATCH
    requires_if_match: ClassVar[frozenset[str]] = frozenset()  # operations: 428 without the header
    request: Request
    row_tag: str = ""

    def variant_of(self, row: Any) -> str:  # noqa: ANN401, ARG002 - any row, for those who override it
        """What the tag of the row's document says beside the row's version."""
        return ""

    def conditional(self, row: Row, *, variant: str = "") -> Row:
        """Let the answer carry the row's ETag; ends a read in 304 when If-None-Match knows it.

        Call it before the row is serialised.
        """
        self.row_tag = etag_of(row, variant=variant or self.variant_of(row))
        if self.request.method in {"GET", "HEAD"} and is_known(self.request, self.row_tag):
            raise NotModifiedError
        return row

    def precondition(self, read: Callable[[], Row | None]) -> Check:
        """If-Match, checked now without a lock, and by what this answers under the row's lock.

        Args:
            read: finds the row, or None, or raises that there is none; called only when the
                header names versions.

        Returns:
            A service's `check`, which raises PreconditionError for a row that has moved meanwhile,
            and for one that is absent where the header says that it is there.

        Raises:
            MalformedHeaderError, PreconditionError, and what `read` raises.
        """
        expected = expected_versions(self.request)

        def check(row: Row | None) -> None:
            if row is None:
                check_absent(self.request)
            elif expected is not None and row.row_version not in expected:
                check_version(row, expected, variant=self.variant_of(row))

        if expected is not None:
            check(read())
        return check
