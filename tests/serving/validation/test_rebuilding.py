"""The way of a model through plain data: what a first child owned by an exploit may hand over."""

from __future__ import annotations

import json
import os
import zipfile

import numpy as np
import pytest

from serving.artefact import FileRole, Manifest
from serving.errors import ArtefactError
from serving.golden import GoldenSet
from serving.loaders.keras import KerasServable, load_model, trace
from serving.plain_arrays import read_weights_back, write_arrays, write_weights
from serving.validation.exchange import ARRAYS, CONFIG, FILE_NAMES, GOLDEN, SIGNATURE
from tests.factories.artefacts import Stages

pytestmark = [
    pytest.mark.tensorflow,
    # Keras 3 copies variables in a way that numpy 2 deprecates.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

DOCUMENT = {"features": [{"name": name, "kind": "number"} for name in "abcd"]}
LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"name": "lambda", "function": {"class_name": "__lambda__", "config": {}}},
    "registered_name": None,
}


@pytest.fixture
def stages(tmp_path, keras_files):
    """A good first child has just ended."""
    stages = Stages(tmp_path / "stages", keras_files["dense"].read_bytes(), None)
    stages.examine()
    return stages


def refused(step):
    with pytest.raises(ArtefactError) as caught:
        step()
    return caught.value.reason_code


class TestRebuild:
    def test_the_files_are_those_of_the_manifest(self, stages):
        stages.hand_over()
        manifest = Manifest.from_document(stages.rebuild()["manifest"])
        assert {*manifest.files} == {*FileRole}
        for role, entry in manifest.files.items():
            assert (stages.rebuild_out / FILE_NAMES[role]).stat().st_size == entry.bytes

    def test_it_answers_bit_for_bit_as_the_upload_does(self, stages, keras_files):
        stages.hand_over()
        manifest = Manifest.from_document(stages.rebuild()["manifest"])
        golden = GoldenSet.from_bytes((stages.rebuild_out / "golden.npz").read_bytes())
        uploaded = KerasServable(trace(load_model(keras_files["dense"]), manifest.signature))
        for name, array in uploaded.predict(golden.inputs).items():
            assert array.tobytes() == golden.outputs[name].tobytes()

    def test_the_second_child_has_not_seen_the_upload(self, stages):
        stages.hand_over()
        assert {path.name for path in stages.rebuild_in.iterdir()} == {CONFIG, ARRAYS, GOLDEN}

    def test_what_hides_in_the_archive_is_not_in_the_artefact(self, keras_files, tmp_path):
        """The canonical file is written by Keras anew: not one byte of the HDF5 is copied."""
        stages = Stages(tmp_path / "s", keras_files["two_inputs"].read_bytes(), None)
        stages.examine()
        stages.hand_over()
        stages.rebuild()
        served = (stages.rebuild_out / FILE_NAMES[FileRole.KERAS]).read_bytes()
        assert b"optimizer" in (stages.examine_out / "model.weights.h5").read_bytes()
        assert b"optimizer" not in served
        assert b"compile_config" not in served


class TestForged:
    """The first child wrote this; the parent or the second child refuses it."""

    def test_a_configuration_with_a_lambda(self, stages):
        config = json.loads((stages.examine_out / CONFIG).read_text())
        config["config"]["layers"].append(LAMBDA)
        (stages.examine_out / CONFIG).write_text(json.dumps(config))
        assert refused(stages.hand_over) == "class_not_allowed"

    @pytest.mark.parametrize("text", ["[]", "{", '{"class_name": "Lambda"}', "1e999", ""])
    def test_a_configuration_that_is_none(self, stages, text):
        (stages.examine_out / CONFIG).write_text(text)
        assert refused(stages.hand_over) in {
            "class_not_allowed",
            "config_invalid",
            "root_not_a_model",
            "value_out_of_range",
        }

    def test_an_array_of_objects(self, stages):
        with (stages.examine_out / ARRAYS).open("wb") as file:
            np.savez(file, w00000=np.array([print], dtype=object))
        assert refused(stages.hand_over) == "plain_data_invalid"

    def test_a_bomb(self, stages):
        with (stages.examine_out / ARRAYS).open("wb") as file:
            np.savez_compressed(file, w00000=np.zeros(2**24, dtype=np.float32))
        assert refused(stages.hand_over) == "plain_data_invalid"

    def test_weights_that_are_not_numbers(self, stages):
        (stages.examine_out / ARRAYS).write_bytes(write_weights([np.array([np.nan])]))
        assert refused(stages.hand_over) == "weights_not_finite"

    @pytest.mark.parametrize("name", [CONFIG, ARRAYS, GOLDEN])
    @pytest.mark.parametrize("make", ["link", "pipe", "folder", "nothing"])
    def test_something_else_than_a_file(self, stages, name, make):
        path = stages.examine_out / name
        path.unlink()
        if make == "link":
            path.symlink_to("/etc/passwd")
        elif make == "pipe":
            os.mkfifo(path)
        elif make == "folder":
            path.mkdir()
        assert refused(stages.hand_over) == "sandbox_failed"

    def test_a_golden_set_that_is_none(self, stages):
        (stages.examine_out / GOLDEN).write_bytes(write_arrays({"input:x": np.ones((1, 1))}))
        assert refused(stages.hand_over) == "golden_invalid"

    @pytest.mark.parametrize("change", ["answers", "inputs", "a bit", "type"])
    def test_golden_answers_that_do_not_fit(self, stages, change):
        golden = GoldenSet.from_bytes((stages.examine_out / GOLDEN).read_bytes())
        inputs = {name: array.copy() for name, array in golden.inputs.items()}
        outputs = {name: array.copy() for name, array in golden.outputs.items()}
        (output,) = outputs
        if change == "answers":
            outputs[output] += 1
        elif change == "inputs":
            inputs = {name: array + 1 for name, array in inputs.items()}
        elif change == "a bit":
            outputs[output][0] = np.nextafter(outputs[output][0], 1)
        else:
            outputs[output] = outputs[output].astype(np.float64)
        (stages.examine_out / GOLDEN).write_bytes(GoldenSet(inputs, outputs).to_bytes())
        stages.hand_over()
        assert refused(stages.rebuild) == "rebuild_differs"

    def test_weights_of_another_model(self, stages):
        (stages.examine_out / ARRAYS).write_bytes(write_weights([np.ones((2, 2))]))
        stages.hand_over()
        assert refused(stages.rebuild) == "plain_data_invalid"

    def test_other_weights_of_the_same_shapes(self, stages):
        data = (stages.examine_out / ARRAYS).read_bytes()
        weights = [array * 2 for array in read_weights_back(data, max_bytes=2**20)]
        (stages.examine_out / ARRAYS).write_bytes(write_weights(weights))
        stages.hand_over()
        assert refused(stages.rebuild) == "rebuild_differs"

    def test_a_signature_of_its_own_is_not_read(self, stages):
        """The second child completes the uploader's document itself."""
        (stages.examine_out / SIGNATURE).write_text(json.dumps(DOCUMENT))
        stages.hand_over()
        manifest = Manifest.from_document(stages.rebuild()["manifest"])
        assert manifest.signature.feature_names == ("x0", "x1", "x2", "x3")


class TestExamine:
    @pytest.mark.parametrize(
        ("model", "weights"), [("dense", "image"), ("image", "dense")], ids=["too few", "others"]
    )
    def test_weights_of_another_model(self, keras_files, tmp_path, model, weights):
        """Too few are refused before Keras is imported, others by Keras."""
        other = tmp_path / "mixed.keras"
        with (
            zipfile.ZipFile(keras_files[model]) as configured,
            zipfile.ZipFile(keras_files[weights]) as weighted,
            zipfile.ZipFile(other, "w") as mixed,
        ):
            for name in ("config.json", "metadata.json"):
                mixed.writestr(name, configured.read(name))
            mixed.writestr("model.weights.h5", weighted.read("model.weights.h5"))
        stages = Stages(tmp_path / "s", other.read_bytes(), None)
        assert refused(stages.examine) == "weights_mismatch"

    def test_a_setting_that_was_changed(self, keras_files, tmp_path, monkeypatch):
        import keras

        def load_weights(self, path):
            keras.config.set_epsilon(0.5)

        before = keras.config.epsilon()
        monkeypatch.setattr(keras.Model, "load_weights", load_weights)
        stages = Stages(tmp_path / "s", keras_files["dense"].read_bytes(), None)
        try:
            assert refused(stages.examine) == "global_state_changed"
        finally:
            keras.config.set_epsilon(before)
