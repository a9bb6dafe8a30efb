from __future__ import annotations

import copy
import hashlib
import json

import pytest

from serving.artefact import FileEntry, FileRole, Manifest, entry_of, verified
from serving.errors import ArtefactDigestMismatchError, ArtefactError
from serving.signature import Signature

MANIFEST = Manifest(
    files={
        FileRole.KERAS: FileEntry("a" * 64, 10),
        FileRole.LITERT: FileEntry("b" * 64, 20),
        FileRole.GOLDEN: FileEntry("c" * 64, 30),
    },
    signature=Signature.for_matrix(2),
    versions={"keras": "3.15.1"},
    golden_rows=32,
)


def changed(*path, to):
    document = copy.deepcopy(MANIFEST.to_document())
    target = document
    for step in path[:-1]:
        target = target[step]
    if to is ...:
        del target[path[-1]]
    else:
        target[path[-1]] = to
    return document


class TestManifest:
    def test_is_read_as_it_was_written(self):
        again = Manifest.from_document(json.loads(MANIFEST.canonical()))
        assert (again, again.digest) == (MANIFEST, MANIFEST.digest)

    def test_digest_is_of_the_canonical_json(self):
        assert MANIFEST.digest == hashlib.sha256(MANIFEST.canonical()).hexdigest()
        assert b" " not in MANIFEST.canonical()

    def test_digest_does_not_depend_on_the_order_of_members(self):
        document = MANIFEST.to_document()
        shuffled = dict(reversed(document.items())) | {
            "files": dict(reversed(document["files"].items()))
        }
        assert Manifest.from_document(shuffled).digest == MANIFEST.digest

    def test_digest_changes_with_any_file(self):
        document = changed("files", "litert", "sha256", to="d" * 64)
        assert Manifest.from_document(document).digest != MANIFEST.digest

    def test_litert_may_be_absent(self):
        document = changed("files", "litert", to=...)
        assert FileRole.LITERT not in Manifest.from_document(document).files

    @pytest.mark.parametrize("version", [0, 2, "1", True, None, 1.0])
    def test_an_unknown_schema_version_is_refused(self, version):
        with pytest.raises(ArtefactError) as caught:
            Manifest.from_document(changed("schema_version", to=version))
        assert caught.value.reason_code == "manifest_version_unknown"

    @pytest.mark.parametrize(
        ("document", "pointer"),
        [
            (changed("files", "keras", to=...), "/files/keras"),
            (changed("files", "golden", to=...), "/files/golden"),
            (changed("files", "extra", to={}), "/files/extra"),
            (changed("files", "keras", "sha256", to="A" * 64), "/files/keras/sha256"),
            (changed("files", "keras", "sha256", to="../x"), "/files/keras/sha256"),
            (changed("files", "keras", "bytes", to=0), "/files/keras/bytes"),
            (changed("files", "keras", "bytes", to=True), "/files/keras/bytes"),
            (changed("kind", to="pickle"), "/kind"),
            (changed("golden_rows", to=0), "/golden_rows"),
            (changed("versions", to={str(i): "1" for i in range(17)}), "/versions"),
            (changed("signature", "features", 0, "kind", to=1), "/signature/features/0/kind"),
            (changed("colour", to=1), "/colour"),
            (None, ""),
        ],
    )
    def test_anything_else_is_refused_with_its_place(self, document, pointer):
        with pytest.raises(ArtefactError) as caught:
            Manifest.from_document(document)
        assert (caught.value.reason_code, caught.value.pointer) == ("manifest_invalid", pointer)


class TestVerified:
    def test_returns_the_bytes_of_the_digest(self):
        assert verified(b"model", entry_of(b"model").sha256) == b"model"
        assert entry_of(b"model").bytes == 5

    def test_refuses_other_bytes(self):
        with pytest.raises(ArtefactDigestMismatchError) as caught:
            verified(b"mode1", entry_of(b"model").sha256)
        assert caught.value.reason_code == "digest_mismatch"
        assert caught.value.expected == entry_of(b"model").sha256
