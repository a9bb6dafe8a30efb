"""From an upload to an artefact or a reason; children gone wrong are in test_children.py."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from serving.artefact import FileRole
from serving.errors import ArtefactError, SandboxUnavailableError
from serving.golden import GoldenSet
from serving.sandbox import REQUIRED_LAYERS, Layer, available
from serving.sandbox.landlock import CREATE_RULESET
from serving.sandbox.syscalls import number_of
from serving.validation import ValidationLimits, folders, validate_artefact
from tests.factories.artefacts import validate_here

LIMITS = ValidationLimits(wall_seconds=240, upload_bytes=4 * 1024**2)


def refused(upload, document=None, limits=LIMITS, **options):
    with pytest.raises(ArtefactError) as caught:
        validate_artefact(upload, document, limits, **options)
    return caught.value


@pytest.mark.tensorflow
class TestGoodModels:
    def test_without_a_document_the_model_speaks_for_itself(self, dense_artefact):
        signature = dense_artefact.manifest.signature
        assert signature.feature_names == ("x0", "x1", "x2", "x3")
        assert [(o.name, o.shape) for o in signature.outputs] == [("output", (1,))]
        assert {*dense_artefact.manifest.versions} == {"keras", "tensorflow", "litert"}

    def test_all_files_are_those_of_the_manifest(self, two_inputs_artefact):
        assert {*two_inputs_artefact.files} == {*FileRole}
        for role, entry in two_inputs_artefact.manifest.files.items():
            content = two_inputs_artefact.files[role]
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (
                entry.sha256,
                entry.bytes,
            )

    def test_the_document_rules_over_names(self, two_inputs_artefact):
        signature = two_inputs_artefact.manifest.signature
        assert [tensor.name for tensor in signature.inputs] == ["numbers", "month_code"]
        assert [output.name for output in signature.outputs] == ["buys", "basket"]
        assert signature.outputs[0].class_labels == ("no", "yes")

    def test_the_golden_set_keeps_to_the_signature(self, two_inputs_artefact):
        golden = GoldenSet.from_bytes(two_inputs_artefact.files[FileRole.GOLDEN])
        assert golden.rows == two_inputs_artefact.manifest.golden_rows == 32
        assert {*golden.inputs["month_code"].ravel()} == {0, 1, 2}
        assert (golden.inputs["numbers"][:, 0].min(), golden.inputs["numbers"][:, 0].max()) == (
            0,
            120,
        )

    def test_litert_agrees_with_tensorflow(self, two_inputs_artefact):
        litert = two_inputs_artefact.report["engines"]["litert"]
        assert litert["ok"] is True
        assert litert["largest_difference"] < 1e-5
        assert litert["latency_us"]["1"] > 0

    def test_a_model_beyond_litert_is_kept_for_tensorflow(self, tensorflow_artefact):
        assert {*tensorflow_artefact.files} == {FileRole.KERAS, FileRole.GOLDEN}
        assert tensorflow_artefact.report["engines"]["litert"]["reason_code"] == "not_convertible"

    def test_the_stored_model_has_lost_its_training(self, two_inputs_artefact):
        assert b"compile_config" not in two_inputs_artefact.files[FileRole.KERAS]

    def test_the_sandbox_was_active_in_both_children(self, dense_artefact):
        report = dense_artefact.report
        assert report["sandbox"] == {layer.value: holds for layer, holds in available().items()}
        assert {*report["layers"]} == {layer for layer, holds in available().items() if holds}

    def test_what_a_call_costs_is_measured(self, dense_artefact):
        for figures in dense_artefact.report["engines"].values():
            assert {*figures["latency_us"]} == {*figures["memory_bytes"]} == {"1", "8", "32", "128"}
            assert figures["loaded_bytes"] == figures["memory_bytes"]["1"] > 0

    def test_the_same_model_gives_the_same_artefact(self, dense_artefact, keras_files):
        again = validate_here(keras_files["dense"])
        assert again.manifest.digest == dense_artefact.manifest.digest

    def test_it_takes_less_than_its_time(self, keras_files):
        started = time.monotonic()
        refused(keras_files["not_a_number"])
        assert time.monotonic() - started < 5  # 0.13 s on a quiet machine: Keras is not imported


@pytest.mark.tensorflow
class TestBadModels:
    def test_weights_that_are_no_hdf5(self, archive_of, keras_files):
        with zipfile.ZipFile(keras_files["dense"]) as good:
            error = refused(archive_of(config=json.loads(good.read("config.json"))))
        assert error.reason_code == "weights_invalid"
        assert "/" not in error.detail

    def test_too_little_memory(self, keras_files):
        limits = ValidationLimits(wall_seconds=60, memory_bytes=400 * 1024**2)
        error = refused(keras_files["dense"], limits=limits)
        assert error.reason_code.split(":")[0] in {
            "memory_limit",
            "load_failed",
            "sandbox_killed",
            "sandbox_failed",
        }
        assert "/" not in error.detail


class TestRefusedBeforeKeras:
    """None of these pays for an import of TensorFlow."""

    def test_a_lambda(self, archive_of):
        config = {
            "module": "keras",
            "class_name": "Sequential",
            "config": {"layers": [{"module": "keras.layers", "class_name": "Lambda"}]},
        }
        error = refused(archive_of(config=config))
        assert (error.reason_code, error.pointer) == (
            "class_not_allowed",
            "/config/layers/0/class_name",
        )

    def test_something_that_is_no_keras_file(self):
        assert refused(b"\x80\x04pickle").reason_code == "not_a_keras_file"

    def test_an_empty_file(self):
        assert refused(b"").reason_code == "not_a_keras_file"

    def test_a_file_beyond_the_cap(self, tmp_path):
        limits = ValidationLimits(upload_bytes=100)
        assert refused(b"x" * 101, limits=limits).reason_code == "archive_too_large"
        (tmp_path / "upload").write_bytes(b"x" * 101)
        assert refused(tmp_path / "upload", limits=limits).reason_code == "archive_too_large"

    def test_a_signature_that_is_wrong_in_itself(self, archive_of):
        error = refused(archive_of(), {"features": [{"name": "a", "kind": "colour"}]})
        assert (error.reason_code, error.pointer) == ("signature_invalid", "/features/0/kind")


class TestLayersMissing:
    """The platform's fault, never the model's: nothing is opened, nothing is rejected."""

    @pytest.mark.parametrize(
        ("call", "layer"), [("seccomp", "seccomp"), ("landlock_create_ruleset", "landlock")]
    )
    def test_a_kernel_without_it_opens_nothing(self, archive_of, lacking, caplog, call, layer):
        number = {"seccomp": number_of("seccomp"), "landlock_create_ruleset": CREATE_RULESET}[call]
        with pytest.raises(SandboxUnavailableError) as caught:
            validate_artefact(archive_of(), None, LIMITS, python=lacking(number))
        assert (caught.value.missing, caught.value.code) == ((layer,), "sandbox_incomplete")
        assert f"lacks {layer}" in caplog.text

    def test_a_layer_that_is_not_required_may_be_missing(self, archive_of, lacking):
        limits = ValidationLimits(required_layers=REQUIRED_LAYERS - {Layer.LANDLOCK})
        error = refused(archive_of(config=[]), limits=limits, python=lacking(CREATE_RULESET))
        assert error.reason_code == "config_invalid"

    def test_the_upload_is_not_read_before_the_layers_are_told(self, child):
        """A child that says that it lacks one, having looked: only its first line counts."""
        script = """echo '{"layers": {}, "missing": ["landlock"]}'; exit 7"""
        with pytest.raises(SandboxUnavailableError):
            validate_artefact(b"x", None, LIMITS, python=child(script))


PARENT = """
import sys
from pathlib import Path
from serving.validation import ValidationLimits, validate_artefact
validate_artefact(Path(sys.argv[1]), None, ValidationLimits())
"""


def children_of(pid):
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except FileNotFoundError:
        return []


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.tensorflow
class TestParentKilled:
    def test_both_children_die_with_it(self, keras_files):
        """SIGKILL leaves a worker no time to end anything: the kernel does it."""
        with subprocess.Popen(
            [sys.executable, "-c", PARENT, str(keras_files["dense"])],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as parent:
            wait_until(lambda: len(children_of(parent.pid)) == 2)
            children = children_of(parent.pid)
            time.sleep(0.5)  # the second has to be confined to be killed by the kernel
            parent.kill()
        wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), 5)


class TestSweep:
    @pytest.fixture(autouse=True)
    def nothing_left(self, tmp_path):
        """What is nested so deeply would be more than pytest's own cleaning bears."""
        yield
        folders.remove(tmp_path)

    def test_what_a_killed_worker_left_is_removed(self, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        kept, old = tmp_path / "validation-now", tmp_path / "validation-old"
        other = tmp_path / "other"
        for directory in (kept, old, other):
            (directory / "examine").mkdir(parents=True)
        for directory in (old, other):
            os.utime(directory, (0, 0))
        refused(b"x" * 30)
        assert {*tmp_path.iterdir()} == {kept, other}

    def test_nothing_that_was_left_stops_a_validation(self, tmp_path, monkeypatch, caplog):
        """Five thousand folders within folders are removed; what cannot be removed is logged."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        old, link = tmp_path / "validation-old", tmp_path / "validation-link"
        old.mkdir()
        link.symlink_to(tmp_path)
        code = "import os\nfor _ in range(5_000):\n    os.mkdir('d'); os.chdir('d')"
        subprocess.run([sys.executable, "-c", code], cwd=old, check=True)
        os.utime(old, (0, 0))
        os.utime(link, (0, 0), follow_symlinks=False)
        with monkeypatch.context() as hurried:
            hurried.setattr(folders, "REMOVAL_SECONDS", -1.0)
            assert refused(b"x" * 30).reason_code == "not_a_keras_file"
        assert f"{old} cannot be removed" in caplog.text
        assert old.exists()
        assert refused(b"x" * 30).reason_code == "not_a_keras_file"
        assert (old.exists(), link.is_symlink()) == (False, True)
