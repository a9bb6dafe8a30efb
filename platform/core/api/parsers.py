"""Bodies in: JSON by the letter of RFC 8259 and our own rules, multipart forms with caps."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import load_handler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.http import parse_header_parameters
from rest_framework.parsers import BaseParser, DataAndFiles

from core.api.refusals import (
    BodyUnreadableError,
    DuplicateKeyError,
    ForbiddenCharacterError,
    JsonTooDeepError,
    MalformedBodyError,
    MalformedJsonError,
    NumberOutOfRangeError,
)
from core.limits import INTEGER_MAX_DIGITS, JSON_MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from django.http import HttpRequest, QueryDict
    from django.utils.datastructures import MultiValueDict

# A whole string literal, or what there is of an unterminated one. Possessive: linear on any input.
STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
NOT_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
ONE_BRACKET = bytes.maketrans(b"{}", b"[]")
OPEN = ord("[")
# orjson turns integers of more than 64 bits into floats; 10**18 and below are safe. Digits become
# zeros and everything else but a point a comma: a fraction of many digits begins behind a point.
NUMBERS = bytes(
    ord("0") if byte in b"0123456789" else byte if byte in b"." else ord(",") for byte in range(256)
)
LONG_NUMBER = b"," + b"0" * 19
LEVELS_NEAR = 3  # of a document: the object, its lists, their rows
FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def parse_json(body: bytes, *, exact_integers: bool = True) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Decode a JSON document, or say which rule it breaks.

    orjson answers where it is provably of one mind with the strict reading (no escapes, no long
    integer, no key twice, not deep); everything else, and every refusal, is the standard library's
    judgement.

    Args:
        body: UTF-8.
        exact_integers: without them an integer of more than 64 bits is the nearest double, which is
            what a tensor would make of it, and twenty microseconds of a large body are saved.

    Raises:
        MalformedJsonError, JsonTooDeepError, DuplicateKeyError, NumberOutOfRangeError,
        ForbiddenCharacterError: all of them 400.
    """
    if b"\\" not in body and not (exact_integers and _may_have_long_integer(body)):
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(body)
            keys, containers = _count_near(value)
            # Each key has a colon: as many keys as colons means that no key was swallowed. Each
            # container that was not counted may lie within another one, below the third level.
            uncounted = _count(body, b"[") + _count(body, b"{") - containers
            if keys == _count(body, b":") and uncounted <= JSON_MAX_DEPTH - LEVELS_NEAR:
                return value
    check_depth(body)
    return _parse_strictly(body)


def _may_have_long_integer(body: bytes) -> bool:
    return LONG_NUMBER in b"," + body.translate(NUMBERS)


def _count(body: bytes, byte: bytes) -> int:
    """Occurrences of one byte. bytes.count looks at each byte; taking it out searches by words."""
    return len(body) - len(body.replace(byte, b""))


def check_depth(body: bytes) -> None:
    """Refuse nesting beyond JSON_MAX_DEPTH before any parser recurses; linear in time."""
    if body.count(b"[") + body.count(b"{") <= JSON_MAX_DEPTH:
        return
    if b"\\" in body:
        body = STRING.sub(b"", body)
    # What is left of strings are quotes, and brackets inside; strings without brackets go first.
    quoted = body.translate(ONE_BRACKET, NOT_STRUCTURE).replace(b'""', b"")
    structure = left = STRING.sub(b"", quoted)
    for _ in range(JSON_MAX_DEPTH):  # each round takes the innermost level away
        left = left.replace(b"[]", b"")
        if not left:
            return
    depth = 0
    for byte in structure:  # too deep, or not balanced, which the parser will say
        depth += 1 if byte == OPEN else -1
        if depth > JSON_MAX_DEPTH:
            raise JsonTooDeepError(f"Arrays and objects may be nested {JSON_MAX_DEPTH} deep.")


def _count_near(value: object) -> tuple[int, int]:
    """Keys and containers of a document down to LEVELS_NEAR; of keys, in objects of lists too."""
    if type(value) is not dict:
        return 0, 0
    keys, containers = len(value), 1
    for inner in value.values():
        if type(inner) is list:
            types = list(map(type, inner))
            objects = types.count(dict)
            containers += 1 + objects + types.count(list)
            if objects:
                keys += sum(len(row) for row in inner if type(row) is dict)
        elif type(inner) is dict:
            keys += len(inner)
            containers += 1
    return keys, containers


def _parse_strictly(body: bytes) -> Any:  # noqa: ANN401 - JSON is any of its types
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJsonError(f"The body is not UTF-8 at byte {error.start}.") from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")  # some messages end where a place is to follow
        raise MalformedJsonError(f"{what} at line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise JsonTooDeepError from error
    if "\\u" in text:
        _check_characters(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value] # None is what is wanted of add
        raise DuplicateKeyError(f"The key {_shown(twice)} stands twice in one object.")
    return members


def _integer(text: str) -> int:
    if len(text) > INTEGER_MAX_DIGITS:
        raise NumberOutOfRangeError(f"A number may have {INTEGER_MAX_DIGITS} digits.")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NumberOutOfRangeError(f"{text[:20]} is beyond the range of a double.")
    return value


def _constant(name: str) -> None:
    raise MalformedJsonError(f"{name} is not JSON.")


def _shown(text: str) -> str:
    """A caller's text, short and printable, for a message."""
    return repr(CONTROLS.sub("?", text[:40]).encode("ascii", "backslashreplace").decode())


def _check_characters(value: object) -> None:
    """Walk every text of a document whose escapes might have hidden a NUL or half a pair."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            if FORBIDDEN.search(inner):
                raise ForbiddenCharacterError
        elif isinstance(inner, dict):
            waiting.extend(inner)
            waiting.extend(inner.values())
        elif isinstance(inner, list):
            waiting.extend(inner)


class StrictJSONParser(BaseParser):
    """application/json in UTF-8, whole and within the rules of docs/subsystems/requests.md.

    What came of a body that was cut off is refused even where it is JSON: `{"a": 1}` may have been
    the start of something else.
    """

    media_type = "application/json"
    exact_integers: ClassVar[bool] = True

    def parse(
        self,
        stream: IO[bytes] | HttpRequest,
        media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON is any of its types
        body = stream.read()
        request = (parser_context or {}).get("request")
        if request is not None:
            _check_arrived(request, len(body))
        return parse_json(body, exact_integers=self.exact_integers)


class NumbersJSONParser(StrictJSONParser):
    """The same for large bodies of numbers: integers beyond 64 bits become doubles."""

    exact_integers = False


def _check_arrived(request: HttpRequest, size: int) -> None:
    announced = int(request.META.get("CONTENT_LENGTH") or 0)
    if size < announced:
        raise BodyUnreadableError(f"{size} of {announced} bytes arrived.")


class WatchedStream:
    """A multipart body on its way to the parser: counts its bytes and looks for its end.

    Django's parser takes a body that just stops for one that is whole.

    Args:
        stream: the body.
        end: the closing delimiter (RFC 2046 section 5.1.1), `--boundary--`.

    Attributes:
        size: bytes read so far.
        is_closed: whether the closing delimiter has been read.
    """

    def __init__(self, stream: IO[bytes] | HttpRequest, end: bytes) -> None:
        self.size = 0
        self.is_closed = False
        self._stream = stream
        self._end = end
        self._tail = b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes; at most `size` of them."""
        data = self._stream.read(size)
        self.size += len(data)
        if not self.is_closed:
            seen = self._tail + data
            self.is_closed = self._end in seen
            self._tail = seen[1 - len(self._end) :]
        return data


class StrictMultiPartParser(BaseParser):
    """multipart/form-data: text fields and files, streamed to disk when large.

    The numbers of fields and files are capped by settings, the bytes by the route's `max_body`. A
    form without its end is refused: nobody can say what else it was to hold.
    """

    media_type = "multipart/form-data"

    def parse(
        self,
        stream: IO[bytes] | HttpRequest,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> DataAndFiles[QueryDict, MultiValueDict[str, Any]]:
        request = (parser_context or {})["request"]
        watched = WatchedStream(stream, _end_of(media_type or ""))
        meta = request.META.copy()
        try:
            parser = MultiPartParser(meta, cast("Any", watched), _upload_handlers(request), "utf-8")
            data, files = parser.parse()
        except MultiPartParserError as error:
            raise MalformedBodyError("The multipart body is malformed.") from error
        except RequestDataTooBig:
            raise
        if not watched.is_closed:
            raise MalformedBodyError("The multipart body ends without its closing boundary.")
        _check_arrived(request, watched.size)
        _check_fields(data)
        return DataAndFiles(data, files)


def _end_of(content_type: str) -> bytes:
    """The closing delimiter; of a boundary that is not ASCII, which the parser refuses, any."""
    _, parameters = parse_header_parameters(content_type)
    return f"--{parameters.get('boundary', '')}--".encode()


def _upload_handlers(request: HttpRequest) -> list[Any]:
    return [load_handler(handler, request) for handler in settings.FILE_UPLOAD_HANDLERS]


def _check_fields(data: QueryDict) -> None:
    for name, values in data.lists():
        if len(values) > 1:
            raise DuplicateKeyError(f"The field {_shown(name)} was sent {len(values)} times.")
        if FORBIDDEN.search(name) or FORBIDDEN.search(values[0]):
            raise ForbiddenCharacterError
