"""Files changed after their validation: the bytes that are loaded are the bytes checked."""

from __future__ import annotations

import pytest

from serving.artefact import FileRole
from serving.errors import ArtefactDigestMismatchError
from serving.loaders.keras import KerasLoader
from serving.loaders.litert import LiteRTLoader

pytestmark = pytest.mark.tensorflow

LOADERS = {FileRole.KERAS: KerasLoader, FileRole.LITERT: LiteRTLoader}
DAMAGE = {
    "truncated": lambda good, other: good[:-1],
    "emptied": lambda good, other: b"",
    "extended": lambda good, other: good + b"\0",
    "a bit": lambda good, other: bytes([good[0] ^ 1]) + good[1:],
    "swapped": lambda good, other: other,
}


@pytest.fixture
def damaged(dense_artefact, two_inputs_artefact):
    """A way to read the artefact when one file of it has changed on disk: damaged(role, how)."""

    def damaged(role, how):
        contents = {**dense_artefact.files}
        contents[role] = DAMAGE[how](contents[role], two_inputs_artefact.files[role])
        entries = dense_artefact.manifest.files
        return {entries[name].sha256: content for name, content in contents.items()}

    return damaged


class TestAfterValidation:
    @pytest.mark.parametrize("how", sorted(DAMAGE))
    @pytest.mark.parametrize("role", [FileRole.KERAS, FileRole.LITERT])
    def test_a_file_that_was_swapped_or_cut_is_not_loaded(self, damaged, dense_artefact, role, how):
        content = damaged(role, how)
        loader = LOADERS[role](dense_artefact.manifest, lambda entry: content[entry.sha256])
        with pytest.raises(ArtefactDigestMismatchError) as caught:
            loader.load()
        assert caught.value.reason_code == "digest_mismatch"

    @pytest.mark.parametrize("how", sorted(DAMAGE))
    def test_a_golden_set_that_was_swapped_or_cut_is_not_used(self, damaged, dense_artefact, how):
        content = damaged(FileRole.GOLDEN, how)
        loader = LiteRTLoader(dense_artefact.manifest, lambda entry: content[entry.sha256])
        with pytest.raises(ArtefactDigestMismatchError):
            loader.golden()
