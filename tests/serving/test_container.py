from __future__ import annotations

import io
import json
import struct
import zipfile

import pytest

from serving.container import MAX_CONFIG_BYTES, read_archive, read_json
from serving.errors import ArtefactError

MEGABYTE = 1_024 * 1_024


def reason(data, max_bytes=MEGABYTE):
    with pytest.raises(ArtefactError) as caught:
        read_archive(data, max_bytes=max_bytes)
    return caught.value.reason_code


def zip_of(*members, comment=b"", compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.comment = comment
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


class TestReadArchive:
    def test_takes_a_keras_file_apart(self, archive_of):
        archive = read_archive(archive_of(), max_bytes=MEGABYTE)
        assert archive.keras_version == "3.15.1"
        assert archive.config["class_name"] == "Sequential"
        assert archive.weights == b"\x89HDF weights"

    def test_writes_the_same_bytes_for_the_same_parts(self, archive_of):
        archive = read_archive(archive_of(), max_bytes=MEGABYTE)
        again = read_archive(archive.to_bytes(), max_bytes=MEGABYTE)
        assert again == archive
        assert again.to_bytes() == archive.to_bytes()

    @pytest.mark.parametrize(
        "data",
        [
            b"PK",
            b"not a zip at all",
            b"\x89HDF\r\n\x1a\n" + b"\0" * 100,
            b"\x80\x04\x95pickle",
            b"PK\x03\x04" + b"\0" * 100,
        ],
    )
    def test_something_else_is_no_keras_file(self, data):
        assert reason(data) == "not_a_keras_file"

    def test_bytes_before_the_archive(self, archive_of):
        assert reason(b"#!/bin/sh\n" + archive_of()) == "archive_leading_bytes"

    def test_another_archive_before_the_archive(self, archive_of):
        assert reason(archive_of()[:200] + archive_of()) == "archive_leading_bytes"

    def test_bytes_after_the_archive(self, archive_of):
        assert reason(archive_of() + b"more") == "archive_trailing_bytes"

    def test_a_cut_archive(self, archive_of):
        assert reason(archive_of()[:-30]) == "not_a_keras_file"

    def test_a_comment_behind_the_archive(self):
        assert reason(zip_of(("config.json", "{}"), comment=b"x" * 100)) == "archive_trailing_bytes"

    def test_a_wrong_checksum(self, archive_of):
        assert reason(archive_of().replace(b"HDF weights", b"HDF we1ghts")) == "archive_checksum"

    @pytest.mark.parametrize(
        "members",
        [
            {"config.json": None},
            {"model.weights.h5": None},
            {"assets/data": "x"},
            {"Config.json": "x", "config.json": None},
        ],
    )
    def test_other_members(self, archive_of, members):
        assert reason(archive_of(members)) == "archive_members"

    @pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a\\b", "x" * 129])
    def test_names_that_are_no_plain_file_name(self, archive_of, name):
        assert reason(archive_of({name: "x"})) == "archive_member_name"

    @pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
    def test_a_member_given_twice(self):
        data = zip_of(
            ("metadata.json", "{}"),
            ("config.json", "{}"),
            ("config.json", json.dumps({"class_name": "Lambda"})),
            ("model.weights.h5", ""),
        )
        assert reason(data) == "archive_duplicate_member"

    def test_an_unusual_compression(self, archive_of):
        assert reason(archive_of(compression=zipfile.ZIP_BZIP2)) == "archive_compression"

    def test_a_name_that_hides_its_end(self, archive_of):
        data = archive_of({"config.json": None, "config.jsonX.py": "{}"})
        assert (
            reason(data.replace(b"config.jsonX.py", b"config.json\0.py")) == "archive_member_name"
        )

    def test_an_encrypted_member(self, archive_of):
        data = bytearray(archive_of())
        directory = data.index(b"PK\x01\x02")
        struct.pack_into("<H", data, directory + 8, 0x1)
        assert reason(bytes(data)) == "archive_encrypted"

    def test_a_bomb_is_refused_by_its_ratio(self, archive_of):
        bomb = archive_of(
            {"model.weights.h5": b"\0" * (8 * MEGABYTE)}, compression=zipfile.ZIP_DEFLATED
        )
        assert len(bomb) < MEGABYTE
        assert reason(bomb, max_bytes=100 * MEGABYTE) == "archive_ratio"

    def test_weights_beyond_the_cap(self, archive_of):
        assert reason(archive_of({"model.weights.h5": b"\0" * 2_000}), 1_000) == "archive_too_large"

    def test_members_that_together_are_beyond_the_cap(self, archive_of):
        assert reason(archive_of({"model.weights.h5": b"\0" * 900}), 1_000) == "archive_too_large"

    def test_a_huge_configuration(self, archive_of):
        data = archive_of({"config.json": b" " * (MAX_CONFIG_BYTES + 1)})
        assert reason(data, max_bytes=100 * MEGABYTE) == "config_too_large"

    @pytest.mark.parametrize(
        "metadata", ["{}", '{"keras_version": 3}', '{"keras_version": "a\\n"}']
    )
    def test_metadata_without_a_version(self, archive_of, metadata):
        assert reason(archive_of({"metadata.json": metadata})) == "config_invalid"


class TestReadJson:
    def test_reads_an_object(self):
        assert read_json(b'{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "config_invalid"),
            (b"[]", "config_invalid"),
            (b"nonsense", "config_invalid"),
            (b'{"a": NaN}', "config_invalid"),
            (b'{"a": Infinity}', "config_invalid"),
            (b'{"a": 1, "a": 2}', "config_invalid"),
            (b'{"a": {"b": 1, "b": 2}}', "config_invalid"),
            (b'{"a": "\xff"}', "config_invalid"),
            (b'{"a": "\\ud800"}', "config_invalid"),
            (b'{"\\udfff": 1}', "config_invalid"),
            (b'{"a": "\\u0000"}', "config_invalid"),
            (b'{"a": ' + b"7" * 5_000 + b"}", "config_invalid"),
            (b'{"a": 1e400}', "value_out_of_range"),
            (b'{"a":' * 70 + b"1" + b"}" * 70, "config_too_deep"),
            (b'{"a":' * 200_000, "config_too_deep"),
            (b'{"a": [' + b"1," * 200_001 + b"1]}", "config_too_large"),
        ],
        ids=[
            "empty", "a list", "no JSON", "NaN", "infinity", "a key twice", "a nested key twice",
            "not UTF-8", "half a pair", "half a pair as a key", "NUL", "a number beyond Python",
            "a float that overflows", "deep", "deeper than Python", "huge",
        ],
    )  # fmt: skip
    def test_refuses_everything_else(self, data, code):
        with pytest.raises(ArtefactError) as caught:
            read_json(data)
        assert caught.value.reason_code == code
