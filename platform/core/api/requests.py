"""The API's request: DRF's, with parsers and negotiation that cost next to nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, cast

from django.contrib.auth.models import AnonymousUser
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.http import parse_header_parameters
from rest_framework.request import Request

from core.api.refusals import (
    BodyTooLargeError,
    NotAcceptableError,
    UnsupportedMediaTypeError,
)
from core.api.renderers import OrjsonRenderer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from django.http import HttpRequest
    from rest_framework.parsers import BaseParser
    from rest_framework.views import APIView

    from core.security.principal import Principal, PrincipalUser

RENDERER: Final = OrjsonRenderer()
ACCEPT_MAX: Final = 1_000  # characters of an Accept header
ANYTHING: Final = "*/*"
UTF_8: Final = frozenset({"utf-8", "utf8"})


class ApiRequest(Request):
    """A request to a view of the API.

    `auth` is the principal and `user` the PrincipalUser around it; on a public view without a
    credential `auth` is None.
    """

    if TYPE_CHECKING:
        auth: Principal
        user: PrincipalUser  # type: ignore[assignment] # no row, see core.security.principal

    def __init__(
        self, request: HttpRequest, *, view: APIView, parsers: Sequence[BaseParser]
    ) -> None:
        super().__init__(
            request,
            parsers=parsers,
            negotiator=NO_NEGOTIATOR,  # type: ignore[arg-type] # `accept` below decides
            parser_context={"view": view},
        )
        self.accepted_renderer = RENDERER
        self.accepted_media_type = RENDERER.media_type

    @property
    def principal(self) -> Principal | None:
        return cast("Principal | None", self.auth)

    def forget_caller(self) -> None:
        """Nobody said who is calling."""
        self._user, self._auth = AnonymousUser(), None

    @property
    def body_length(self) -> int:
        """Bytes announced by Content-Length; the middleware has refused what is not a number."""
        length: str = self._request.META.get("CONTENT_LENGTH") or "0"
        return int(length)

    def check_length(self, maximum: int) -> None:
        """Refuse a body above the route's cap before a byte of it is read."""
        if self.body_length > maximum:
            raise BodyTooLargeError(
                f"The body has {self.body_length} bytes; this route takes {maximum}.",
                maximum_bytes=maximum,
            )

    def _parse(self) -> tuple[Any, MultiValueDict[str, Any]]:
        """The body by its media type; without a body an empty object. Called by `data`, once."""
        if not self.body_length:
            return {}, MultiValueDict()
        parser = self._select_parser()
        try:
            stream = cast("IO[bytes]", self._request)
            parsed: Any = parser.parse(stream, self.content_type, {"request": self._request})
        except Exception:
            self._full_data = self._data = QueryDict()
            self._files: MultiValueDict[str, Any] = MultiValueDict()
            raise
        files = getattr(parsed, "files", None)
        return (parsed, MultiValueDict()) if files is None else (parsed.data, files)

    def _select_parser(self) -> BaseParser:
        media_type, charset = media_type_of(self.content_type)
        for parser in self.parsers or ():
            if parser.media_type == media_type and charset in UTF_8:
                return parser
        readable = " or ".join(str(parser.media_type) for parser in self.parsers or ())
        raise UnsupportedMediaTypeError(f"This route reads {readable} in UTF-8.")


NO_NEGOTIATOR: Final = object()


@lru_cache(maxsize=256)
def media_type_of(content_type: str) -> tuple[str, str]:
    """Media type and charset of a Content-Type header, in lower case; ("", "") when malformed."""
    if len(content_type) > ACCEPT_MAX:
        return "", ""
    try:
        media_type, parameters = parse_header_parameters(content_type)
    except ValueError:
        return "", ""
    return media_type.lower(), parameters.get("charset", "utf-8").lower()


def accept(header: str | None, offered: tuple[str, ...]) -> str:
    """The media type to answer in: the first offered that the Accept header takes.

    Args:
        header: the Accept header (RFC 9110 section 12.5.1), None when absent.
        offered: what the view can answer in, the preferred one first.

    Raises:
        NotAcceptableError: none of them.
    """
    if header is None or header == ANYTHING:
        return offered[0]
    chosen = _choose(header, offered) if len(header) <= ACCEPT_MAX else None
    if chosen is None:
        raise NotAcceptableError(f"The answer comes as {' or '.join(offered)}.")
    return chosen


@lru_cache(maxsize=256)
def _choose(header: str, offered: tuple[str, ...]) -> str | None:
    ranges = [_parse_range(part) for part in header.split(",")]
    graded = [(_quality(media_type, ranges), -place) for place, media_type in enumerate(offered)]
    quality, place = max(graded)
    return offered[-place] if quality > 0 else None


def _parse_range(text: str) -> tuple[str, float]:
    """A media range and its weight; a malformed one weighs nothing."""
    try:
        media_range, parameters = parse_header_parameters(text)
        weight = float(parameters.get("q", "1"))
    except ValueError:
        return "", 0.0
    return media_range.lower(), weight if 0 <= weight <= 1 else 0.0


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """The weight of the most specific range that covers a type; 0 when none does."""
    family = media_type.partition("/")[0] + "/*"
    for wanted in (media_type, family, ANYTHING):
        weights = [weight for media_range, weight in ranges if media_range == wanted]
        if weights:
            return max(weights)
    return 0.0
