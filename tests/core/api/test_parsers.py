import io
import json
import math
import time

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from core.api.parsers import WatchedStream, check_depth, parse_json
from core.api.refusals import (
    DuplicateKeyError,
    ForbiddenCharacterError,
    JsonTooDeepError,
    MalformedJsonError,
    NumberOutOfRangeError,
)
from core.errors import InvalidError

NUMBERS = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=6),
    max_leaves=30,
)
# Fragments whose random joins are sometimes JSON, often nearly.
PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b'"a"',
    b'"a":',
    b'"b":1',
    b'"[',
    b"\\",
    b'\\"',
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b"1",
    b"-0",
    b"0.5",
    b"1e5",
    b"1e400",
    b"9" * 25,
    b"NaN",
    b"-Infinity",
    b"true",
    b"null",
    b" ",
    b"\n",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xc3\xa9",
    b"\xed\xa0\x80",
]
BODIES = st.lists(st.sampled_from(PIECES), max_size=14).map(b"".join) | st.binary(max_size=40)


def depth_of(value):
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def with_doubles(value):
    """The value with doubles for integers of more than 64 bits."""
    if isinstance(value, dict):
        return {key: with_doubles(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_doubles(inner) for inner in value]
    if type(value) is int and not -(2**63) <= value < 2**64:
        return float(value)
    return value


class RuleBrokenError(Exception):
    pass


def reference(body: bytes):  # noqa: C901 - one rule after the other
    """The rules once more, without regard to speed: raises ValueError or RuleBrokenError."""

    def unique(pairs):
        if len(dict(pairs)) != len(pairs):
            raise RuleBrokenError
        for key, value in pairs:
            check(key)
            check(value)
        return dict(pairs)

    def check(value):
        if isinstance(value, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value):
            raise RuleBrokenError
        if isinstance(value, float) and math.isinf(value):
            raise RuleBrokenError
        if isinstance(value, list):
            for item in value:
                check(item)

    def refuse(_):
        raise RuleBrokenError

    text = body.decode("utf-8")
    value = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    check(value)
    if depth_of(value) > 32:
        raise RuleBrokenError
    return value


def same(one, other):
    return repr(one) == repr(other)  # tells 1 from 1.0 and -0.0 from 0.0


class TestParseJson:
    @given(VALUES, st.booleans(), st.sampled_from([None, 1]))
    def test_reads_what_json_dumps_wrote(self, value, ascii_only, indent):
        body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()

        assert same(parse_json(body), value)

    @settings(max_examples=400)
    @given(BODIES)
    @example(b'{"a":1,"a":2}')
    @example(b'{"a":{"b":{"c":1,"c":2}}}')
    @example(b'{"a":[[{"c":1,"c":2}]]}')
    @example(b'{"a:":1}')
    @example(b'{"\\u0061":1,"a":2}')
    @example(b'["\\ud83d\\ude00"]')
    @example(b'["\\\\u0000"]')
    @example(b"-0")
    @example(b"1E+2")
    @example(b"18446744073709551616")
    def test_takes_exactly_what_the_reference_takes(self, body):
        try:
            expected = reference(body)
        except (ValueError, RuleBrokenError):
            with pytest.raises(InvalidError):
                parse_json(body)
        else:
            assert same(parse_json(body), expected)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"{",
            b'{"a":1',
            b'{"a":1}x',
            b"{'a':1}",
            b"[1,]",
            b'{"a":1,}',
            b"01",
            b"1.",
            b".5",
            b"+1",
            b'\xef\xbb\xbf{"a":1}',
            '{"a":1}'.encode("utf-16"),
            b'{"a":"\xff"}',
            b'"a\x00b"',
            b'"a\nb"',
            b"NaN",
            b"Infinity",
            b'{"a":-Infinity}',
            b"// no\n1",
            b"\x0c1",
            b'"\\x41"',
            b'"\\u12"',
        ],
    )
    def test_malformed_json_is_refused(self, body):
        with pytest.raises(MalformedJsonError):
            parse_json(body)

    @pytest.mark.parametrize(
        ("body", "detail"),
        [
            (b'{"a": "x', "Unterminated string starting at line 1, column 7."),
            (b'{"a": "\n"}', "Invalid control character at line 1, column 8."),
            (b"[1,\n x]", "Expecting value at line 2, column 2."),
        ],
    )
    def test_malformed_json_is_told_by_its_place(self, body, detail):
        with pytest.raises(MalformedJsonError) as caught:
            parse_json(body)

        assert caught.value.detail == detail

    @pytest.mark.parametrize(
        "body",
        [
            b"[" * 33 + b"]" * 33,
            b"[" * 100_000,
            b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
            b"[" * 900_000,
        ],
    )
    def test_deeper_than_32_is_refused(self, body):
        with pytest.raises(JsonTooDeepError):
            parse_json(body)

    def test_depth_32_is_read(self):
        assert depth_of(parse_json(b"[" * 32 + b"]" * 32)) == 32

    def test_brackets_in_texts_are_no_depth(self):
        texts = ['["[[' * 20, "]]", '"', "\\", '\\"[', "{" * 50]

        assert parse_json(json.dumps(texts * 3).encode()) == texts * 3
        assert parse_json(json.dumps(["[" * 50]).encode()) == ["[" * 50]

    @pytest.mark.parametrize(
        "body", [b'{"a":1,"a":1}', b'{"x":{"a":1,"a":2}}', b'[{"a":1,"\\u0061":2}]', b'{"":0,"":0}']
    )
    def test_a_key_twice_is_refused(self, body):
        with pytest.raises(DuplicateKeyError):
            parse_json(body)

    @pytest.mark.parametrize(
        "body", [b"1e400", b'{"a":[-1e999]}', b"1" * 401, b"9" * 5_000, b"1" * 400 + b"e10"]
    )
    def test_numbers_beyond_range_are_refused(self, body):
        with pytest.raises(NumberOutOfRangeError):
            parse_json(body)

    @pytest.mark.parametrize("number", [2**53 + 1, 2**63, 2**64, -(2**64), 10**19, 10**399])
    def test_large_integers_stay_exact(self, number):
        for body in (b"%d", b"[%d]", b'{"a":%d}', b'{"a": %d}', b'{"a":[0.5,%d]}', b"[0,\n%d]"):
            text = body % number

            found = parse_json(text)

            assert found == json.loads(text)
            assert str(number) in str(found)  # as an integer, not as a float that equals it

    @pytest.mark.parametrize("number", [2**64, -(2**64), 10**20, 10**300])
    def test_where_doubles_do_long_integers_become_them(self, number):
        assert same(
            parse_json(b'{"a": [[%d]]}' % number, exact_integers=False)["a"], [[float(number)]]
        )

    @settings(max_examples=200)
    @given(BODIES)
    @example(b'{"a":1,"a":2}')
    @example(b'{"a":[[{"c":1,"c":2}]]}')
    @example(b'{"a":' + b"[" * 32 + b"]" * 32 + b"}")
    @example(b'{"a":[' + b"[]," * 40 + b"[[[[]]]]]}")
    def test_where_doubles_do_nothing_else_is_let_through(self, body):
        try:
            expected = reference(body)
        except (ValueError, RuleBrokenError):
            with pytest.raises(InvalidError):
                parse_json(body, exact_integers=False)
        else:
            found = parse_json(body, exact_integers=False)
            # A body with an escape is read strictly, integers and all.
            assert same(found, expected) or same(found, with_doubles(expected))

    @pytest.mark.parametrize(
        "number",
        ["0.0012345678901234567", "-12345.67890123456789012345", "1e0000000000000000000001"],
    )
    def test_fractions_of_many_digits_are_the_nearest_floats(self, number):
        assert parse_json(f"[{number}]".encode()) == [float(number)]

    @pytest.mark.parametrize(
        "body", [b'"\\u0000"', b'{"a":["\\ud800"]}', b'{"\\udfff":1}', b'"\\ude00\\ud83d"']
    )
    def test_nul_and_lone_surrogates_are_refused(self, body):
        with pytest.raises(ForbiddenCharacterError):
            parse_json(body)

    @pytest.mark.parametrize(
        "body",
        [
            b'"' + b'\\"' * 400_000,
            b'["' + b"[" * 800_000,
            b"[}" * 400_000,
            b'"\\' * 300_000,
            b"[]" * 400_000,
        ],
        ids=["quotes", "open text", "mismatched", "backslashes", "pairs"],
    )
    def test_no_body_takes_long(self, body):
        started = time.process_time()

        with pytest.raises(InvalidError):
            parse_json(body)

        assert time.process_time() - started < 1.5  # seconds; a quadratic scan takes minutes


class TestCheckDepth:
    @given(st.binary(max_size=60))
    def test_never_fails_otherwise(self, body):
        check_depth(body * 3)

    @given(VALUES, st.integers(0, 40))
    def test_measures_like_the_reference(self, value, wrappings):
        for index in range(wrappings):
            value = [value] if index % 2 else {"[": value}
        assume(depth_of(value) <= 60)
        body = json.dumps(value).encode()

        if depth_of(value) > 32:
            with pytest.raises(JsonTooDeepError):
                check_depth(body)
        else:
            check_depth(body)


class TestWatchedStream:
    @given(st.binary(max_size=30), st.binary(max_size=30), st.integers(1, 40))
    def test_finds_the_end_however_it_is_read(self, before, after, size):
        body = before + b"--xy--" + after
        watched = WatchedStream(io.BytesIO(body), b"--xy--")

        read = b"".join(iter(lambda: watched.read(size), b""))

        assert (read, watched.size, watched.is_closed) == (body, len(body), True)

    @given(st.binary(max_size=60), st.integers(1, 40))
    def test_finds_none_where_there_is_none(self, body, size):
        assume(b"--xy--" not in body)
        watched = WatchedStream(io.BytesIO(body), b"--xy--")

        while watched.read(size):
            assert not watched.is_closed
        assert not watched.is_closed
