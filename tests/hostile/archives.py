"""Hostile archives: files that two readers take apart in two ways, and bombs."""

from __future__ import annotations

import gzip
import io
import json
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib

from tests.hostile.reaching import a_lambda
from tests.hostile.recipe import (
    CONFIG,
    GOOD,
    MEBIBYTE,
    METADATA,
    WEIGHTS,
    archive,
    hostile,
    metadata,
    plain_weights,
    sequential,
)

NOT_ONE = "not_a_keras_file"
GIBIBYTE = 1_024 * MEBIBYTE


def members(**changes):
    contents = {METADATA: metadata(), CONFIG: json.dumps(GOOD), WEIGHTS: plain_weights()} | changes
    return {
        name: content.encode() if isinstance(content, str) else content
        for name, content in contents.items()
    }


LOCAL, CENTRAL, END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), "<4s4H2IH"


class Zip:
    """An archive written header by header, so that each may lie."""

    def __init__(self):
        self.local, self.central, self.count = b"", b"", 0

    def add(self, name, content, *, packed=None, local=None, local_extra=b"", **central):
        """A member; `local` are fields that its own header has otherwise than the directory."""
        packed = content if packed is None else packed
        facts = {
            "name": name if isinstance(name, bytes) else name.encode(),
            "flags": 0,
            "method": 0,
            "crc": zlib.crc32(content),
            "packed": len(packed),
            "size": len(content),
            "mode": 0o600,
            "dos": 0,
            "extra": b"",
            "comment": b"",
        } | central
        self.central += central_header(facts, len(self.local))
        self.local += local_header(facts | (local or {}), local_extra) + packed
        self.count += 1
        return self

    def gap(self, content):
        self.local += content
        return self

    def close(self, *, count=None, comment=b""):
        count = self.count if count is None else count
        lengths = (len(self.central), len(self.local), len(comment))
        end = struct.pack(END, b"PK\x05\x06", 0, 0, count, count, *lengths)
        return self.local + self.central + end + comment


def local_header(facts, extra):
    numbers = (20, facts["flags"], facts["method"], 0, 33, facts["crc"])
    sizes = (facts["packed"], facts["size"], len(facts["name"]), len(extra))
    return LOCAL.pack(b"PK\x03\x04", *numbers, *sizes) + facts["name"] + extra


def central_header(facts, place):
    numbers = (0x314, 20, facts["flags"], facts["method"], 0, 33, facts["crc"])
    sizes = (facts["packed"], facts["size"], len(facts["name"]))
    lengths = (len(facts["extra"]), len(facts["comment"]), 0, 0)
    mode = (facts["mode"] << 16) | facts["dos"]
    header = CENTRAL.pack(b"PK\x01\x02", *numbers, *sizes, *lengths, mode, place)
    return header + facts["name"] + facts["extra"] + facts["comment"]


def with_config(**options):
    """All three members, the configuration's with options."""
    contents = members()
    made = Zip().add(METADATA, contents[METADATA])
    return made.add(CONFIG, contents[CONFIG], **options).add(WEIGHTS, contents[WEIGHTS]).close()


def deflated(content):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


@hostile(NOT_ONE, would="be run, by whoever takes the end of its name for its kind")
def executable(_lures):
    return b"\x7fELF\x02\x01\x01" + bytes(500)


@hostile(NOT_ONE, would="lose its weights without a word")
def cut_off(_lures):
    return archive()[:-300]


@hostile("archive_leading_bytes", would="be a script and a model at once")
def script_before_the_archive(_lures):
    return b"#!/bin/sh\nexit 0\n" + archive()


@hostile("archive_leading_bytes", would="show one model to a scanner and load another")
def two_archives_in_one(lures):
    first = archive()
    return first[: first.index(b"PK\x01\x02")] + archive(sequential(a_lambda(lures)))


@hostile("archive_trailing_bytes", would="carry something else along")
def bytes_after_the_archive(_lures):
    return archive() + b"<?php system($_GET[0]); ?>"


@hostile("archive_leading_bytes", would="hide a second archive in the comment of the first")
def a_directory_in_the_comment(lures):
    made = Zip()
    for name, content in members().items():
        made.add(name, content)
    return made.close(comment=archive(sequential(a_lambda(lures)))[:60_000])


@hostile(
    "archive_duplicate_member", would="show a scanner the first configuration and load the last"
)
def two_configurations(lures):
    buffer = io.BytesIO(archive())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(buffer, "a") as file:
            file.writestr(CONFIG, json.dumps(sequential(a_lambda(lures))))
    return buffer.getvalue()


@hostile("archive_header_mismatch", would="be called one thing by one reader, another by the next")
def another_name_in_its_own_header(_lures):
    return with_config(local={"name": b"confiG.json"})


@hostile("archive_header_mismatch", would="be stored for one reader and deflated for another")
def another_method_in_its_own_header(_lures):
    return with_config(local={"method": 8})


@hostile("archive_header_mismatch", would="be longer for a reader that streams")
def another_size_in_its_own_header(_lures):
    return with_config(local={"size": 5, "packed": 5})


@hostile("archive_header_mismatch", would="leave it to the reader where the member ends")
def sizes_after_the_data(_lures):
    return with_config(flags=0x8, local={"crc": 0, "size": 0, "packed": 0})


@hostile("archive_overlap", would="unpack the same bytes again and again (Fifield's bomb)")
def overlapping_members(_lures):
    contents = members()
    quoted = Zip().add(WEIGHTS, contents[WEIGHTS])
    made = Zip().add(METADATA, contents[METADATA])
    start = len(made.local) + 30 + len(CONFIG)
    made.add(CONFIG, quoted.local)
    made.central += quoted.central[:42] + struct.pack("<I", start) + quoted.central[46:]
    made.count += 1
    return made.close()


@hostile("archive_overlap", would="carry bytes that no directory lists")
def bytes_between_members(_lures):
    contents = members()
    made = Zip().add(METADATA, contents[METADATA]).gap(b"hidden" * 50)
    return made.add(CONFIG, contents[CONFIG]).add(WEIGHTS, contents[WEIGHTS]).close()


@hostile("archive_members", would="unpack to petabytes, one archive inside the other (42.zip)")
def archives_within_archives(_lures):
    inner = archive(padding=b"\0" * MEBIBYTE, compression=zipfile.ZIP_DEFLATED)
    for _ in range(3):
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as file:
            for number in range(4):
                file.writestr(f"{number}.zip", inner)
        inner = outer.getvalue()
    return archive(**{"assets/lib.zip": inner})


@hostile("archive_zip64", would="make a reader allocate 5 GiB before the first byte is read")
def five_gibibytes_declared(_lures):
    sizes = struct.pack("<2H2Q", 1, 16, 5 * GIBIBYTE, 5 * MEBIBYTE)
    contents = members()
    made = Zip().add(METADATA, contents[METADATA]).add(CONFIG, contents[CONFIG])
    made.add(
        WEIGHTS, b"\0" * 1_000, size=0xFFFFFFFF, extra=sizes, local_extra=sizes
    )  # fmt: skip
    return made.close()


@hostile("archive_too_large", would="make a reader allocate 4 GiB before the first byte is read")
def four_gibibytes_declared(_lures):
    contents = members()
    made = Zip().add(METADATA, contents[METADATA]).add(CONFIG, contents[CONFIG])
    packed = deflated(b"\0" * MEBIBYTE)
    made.add(WEIGHTS, b"", packed=packed, method=8, size=0xFFFFFFF0)
    return made.close()


@hostile("archive_ratio", would="inflate a few kilobytes to as much as fits")
def bomb(_lures):
    zeros = b"\0" * (60 * MEBIBYTE)
    return archive(weights=zeros, compression=zipfile.ZIP_DEFLATED)


@hostile("archive_size_mismatch", would="inflate to more than the check of its size was told")
def declares_less_than_it_unpacks_to(_lures):
    content = json.dumps(GOOD).encode() + b" " * (8 * MEBIBYTE)
    return with_config(packed=deflated(content), method=8)


@hostile("archive_size_mismatch", would="leave old memory in what was not filled")
def declares_more_than_it_unpacks_to(_lures):
    content = json.dumps(GOOD).encode()
    return with_config(packed=deflated(content), method=8, size=len(content) + 1_000)


@hostile("archive_size_mismatch", would="hide bytes behind the end of the deflated stream")
def bytes_behind_the_deflated_stream(_lures):
    content = json.dumps(GOOD).encode()
    return with_config(packed=deflated(content) + b"hidden", method=8)


@hostile("archive_member_name", would="write outside the folder it is unpacked in")
def name_that_climbs(_lures):
    return archive(**{"../../evil.py": "import os"})


@hostile("archive_member_name", would="write where it wants")
def absolute_name(lures):
    return archive(**{str(lures.forbidden): "x"})


@hostile("archive_member_name", would="climb where the separator is another")
def name_with_backslashes(_lures):
    contents = members()
    made = Zip().add(METADATA, contents[METADATA]).add(CONFIG, contents[CONFIG])
    return made.add("..\\..\\model.weights.h5", contents[WEIGHTS]).close()


@hostile("archive_member_name", would="end at the NUL for one reader only")
def name_with_a_nul(_lures):
    return with_name(b"config.json\0.py")


@hostile("archive_member_name", would="run over the buffer of a careless reader")
def name_of_four_kilobytes(_lures):
    return with_name(b"a" * 4_096)


@hostile("archive_member_name", would="look like config.json to people alone")
def name_in_another_script(_lures):
    return with_name("сonfig.json".encode())  # noqa: RUF001 - the first letter is Cyrillic


def with_name(name):
    contents = members()
    made = Zip().add(METADATA, contents[METADATA]).add(name, contents[CONFIG])
    return made.add(WEIGHTS, contents[WEIGHTS]).close()


@hostile("archive_members", would="be config.json on a disk that ignores case")
def name_in_other_case(_lures):
    return with_name(b"Config.json")


@hostile("archive_member_mode", would="unpack to a link, and then be written through")
def symbolic_link(lures):
    target = str(lures.secret).encode()
    contents = members()
    made = Zip().add(METADATA, contents[METADATA]).add(CONFIG, contents[CONFIG])
    return made.add(WEIGHTS, target, mode=stat.S_IFLNK | 0o777).close()


@hostile("archive_member_mode", would="unpack to a pipe that nobody ever writes to")
def named_pipe(_lures):
    return with_config(mode=stat.S_IFIFO | 0o600)


@hostile("archive_member_mode", would="unpack to a program that runs as its owner")
def set_user_id(_lures):
    return with_config(mode=stat.S_IFREG | stat.S_ISUID | 0o755)


@hostile("archive_member_mode", would="be a folder for one reader and a file for another")
def file_that_is_a_folder(_lures):
    return with_config(dos=0x10)


@hostile("archive_encrypted", would="hide from every scanner that has no password")
def encrypted(_lures):
    return with_config(flags=0x1)


@hostile("archive_compression", would="reach a decompressor with a history of its own")
def lzma_packed(_lures):
    return archive(compression=zipfile.ZIP_LZMA)


@hostile("archive_compression", would="reach yet another decompressor")
def bzip2_packed(_lures):
    return archive(compression=zipfile.ZIP_BZIP2)


@hostile("archive_zip64", would="keep a reader busy with its directory")
def very_many_members(_lures):
    made = Zip()
    for number in range(1_000):
        made.add(f"m{number}", b"")
    return made.close(count=0xFFFF)


@hostile("archive_checksum", would="be another file than the one that was packed")
def wrong_checksum(_lures):
    return with_config(crc=1, local={"crc": 1})


@hostile("archive_extra_field", would="give a reader a second name or size in an extra field")
def extra_field(_lures):
    return with_config(extra=b"up\x05\0\x01abcd")


@hostile("archive_extra_field", would="hide from a reader that looks at the directory alone")
def extra_field_in_its_own_header(_lures):
    return with_config(local_extra=b"\x99\x99\x04\0evil")


@hostile("archive_extra_field", would="carry text along, for whoever prints it")
def commented_member(_lures):
    return with_config(comment=b"\x1b]0;owned\x07")


@hostile(NOT_ONE, would="count more members than it has")
def more_members_than_there_are(_lures):
    contents = members()
    made = Zip()
    for name, content in contents.items():
        made.add(name, content)
    return made.close(count=9)


@hostile("archive_members", would="lack its weights, and be initialised at random")
def without_weights(_lures):
    return archive(**{WEIGHTS: None})


@hostile(NOT_ONE, would="be unpacked by a loader that guesses")
def gzipped(_lures):
    return gzip.compress(archive())


@hostile(NOT_ONE, would="unpack links and absolute names (CVE-2025-12638)")
def tar(lures):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        link = tarfile.TarInfo("config.json")
        link.type, link.linkname = tarfile.SYMTYPE, str(lures.secret)
        file.addfile(link)
    return buffer.getvalue()


@hostile(NOT_ONE, would="be nothing at all")
def empty(_lures):
    return b""
