from __future__ import annotations

import pytest

from serving.artefact import FileEntry, FileRole, Manifest
from serving.errors import RuntimeUnavailableError
from serving.loaders.choice import loader_for
from serving.loaders.keras import KerasLoader
from serving.loaders.litert import LiteRTLoader
from serving.signature import Signature

KERAS_ONLY = {FileRole.KERAS: FileEntry("a" * 64, 10), FileRole.GOLDEN: FileEntry("b" * 64, 10)}
BOTH = KERAS_ONLY | {FileRole.LITERT: FileEntry("c" * 64, 10)}


def choose(files, *, allow_tensorflow):
    manifest = Manifest(files=files, signature=Signature.for_matrix(1), golden_rows=1)
    return loader_for(manifest, lambda _: b"", allow_tensorflow=allow_tensorflow)


class TestLoaderFor:
    @pytest.mark.parametrize("allow_tensorflow", [True, False])
    def test_litert_wherever_it_can(self, allow_tensorflow):
        assert isinstance(choose(BOTH, allow_tensorflow=allow_tensorflow), LiteRTLoader)

    def test_tensorflow_where_it_is_allowed(self):
        assert isinstance(choose(KERAS_ONLY, allow_tensorflow=True), KerasLoader)

    def test_refuses_where_it_is_not(self):
        with pytest.raises(RuntimeUnavailableError) as caught:
            choose(KERAS_ONLY, allow_tensorflow=False)
        assert caught.value.code == "runtime_unavailable"
