"""The parent's side: what it makes of good models, of bad ones, and of a child gone wrong."""

from __future__ import annotations

import hashlib
import json
import textwrap
import time

import pytest

from serving.artefact import FileEntry, FileRole, Manifest
from serving.errors import ArtefactError
from serving.exchange import FILE_NAMES
from serving.golden import GoldenSet
from serving.signature import Signature
from serving.validation import ValidationLimits, validate_artefact

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

    def test_the_sandbox_was_active(self, dense_artefact):
        assert dense_artefact.report["sandbox"] == {
            "rlimits": True,
            "no_new_privs": True,
            "dies_with_parent": True,
        }


@pytest.mark.tensorflow
class TestBadModels:
    def test_weights_that_are_no_hdf5(self, archive_of):
        error = refused(archive_of())
        assert error.reason_code == "load_failed"
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


@pytest.fixture
def child(tmp_path):
    """Put a shell script in the place of Python; $6 is its working directory."""

    def child(script):
        path = tmp_path / "python"
        path.write_text("#!/bin/sh\ncd /\n" + textwrap.dedent(script))
        path.chmod(0o755)
        return str(path)

    return child


def report(**content):
    return f"cat > $6/report.json <<'END'\n{json.dumps(content)}\nEND\n"


class TestChildGoneWrong:
    """The child runs a stranger's model: nothing it does may be believed."""

    def test_killed_by_a_signal(self, child):
        error = refused(b"x", python=child("kill -SEGV $$"))
        assert error.reason_code == "sandbox_killed:SIGSEGV"

    def test_a_good_report_and_then_a_signal(self, child):
        script = report(ok=True) + "kill -ABRT $$"
        assert refused(b"x", python=child(script)).reason_code == "sandbox_killed:SIGABRT"

    def test_out_of_processor_time(self, child):
        assert refused(b"x", python=child("kill -XCPU $$")).reason_code == "load_timeout"

    def test_out_of_memory(self, child):
        script = "echo 'terminate called: std::bad_alloc' >&2; kill -ABRT $$"
        assert refused(b"x", python=child(script)).reason_code == "memory_limit"

    def test_ended_without_a_report(self, child):
        assert refused(b"x", python=child("exit 0")).reason_code == "sandbox_failed"

    def test_failed_and_printed_where_it_runs(self, child, caplog):
        error = refused(b"x", python=child("echo /host/path >&2; exit 3"))
        assert error.reason_code == "sandbox_failed"
        assert "/host" not in f"{error} {error.detail} {error.pointer}"
        assert "/host/path" in caplog.text

    @pytest.mark.parametrize(
        "content",
        [
            {"ok": False},
            {"ok": False, "reason_code": "../../x"},
            {"ok": False, "reason_code": 5},
            {"ok": "yes"},
        ],
    )
    def test_a_report_that_makes_no_sense(self, child, content):
        assert refused(b"x", python=child(report(**content))).reason_code == "sandbox_failed"

    @pytest.mark.parametrize("text", ["[]", "{", "null", "[" * 100_000])
    def test_a_report_that_is_no_object(self, child, text):
        script = f"printf '%s' '{text}' > $6/report.json"
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"

    def test_texts_of_a_refusal_are_cut_and_printable(self, child):
        script = report(ok=False, reason_code="load_failed", pointer="/a", detail="x" * 9_000)
        error = refused(b"x", python=child(script))
        assert (error.pointer, len(error.detail)) == ("/a", 500)
        script = report(ok=False, reason_code="load_failed", pointer=5, detail="a\x1b[31m")
        error = refused(b"x", python=child(script))
        assert (error.pointer, error.detail) == ("", "load_failed")

    def test_a_manifest_that_makes_no_sense(self, child):
        error = refused(b"x", python=child(report(ok=True, manifest={"schema_version": 1})))
        assert error.reason_code == "manifest_invalid"

    @pytest.mark.tensorflow
    def test_files_that_are_not_those_of_the_manifest(self, child, dense_artefact):
        manifest = dense_artefact.manifest.to_document()
        size = manifest["files"]["keras"]["bytes"]
        fill = f"head -c {size} /dev/zero > $6/model.keras\n"
        good = report(ok=True, manifest=manifest)
        assert refused(b"x", python=child(good + fill)).reason_code == "digest_mismatch"

    @pytest.mark.tensorflow
    def test_a_link_in_the_place_of_a_file(self, child, dense_artefact, tmp_path):
        secret = tmp_path / "secret"
        secret.write_bytes(dense_artefact.files[FileRole.KERAS])
        script = (
            report(ok=True, manifest=dense_artefact.manifest.to_document())
            + f"ln -s {secret} $6/model.keras"
        )
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"

    def test_a_pipe_in_the_place_of_the_report(self, child):
        assert refused(b"x", python=child("mkfifo $6/report.json")).reason_code == "sandbox_failed"

    def test_a_folder_in_the_place_of_the_report(self, child):
        assert refused(b"x", python=child("mkdir $6/report.json")).reason_code == "sandbox_failed"

    def test_a_report_beyond_the_cap(self, child):
        script = report(ok=False, reason_code="load_failed") + (
            "head -c 40000000 /dev/zero | tr '\\0' ' ' >> $6/report.json"
        )
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"

    @pytest.mark.parametrize("role", FileRole)
    def test_a_file_beyond_the_cap(self, child, role):
        files = dict.fromkeys(FileRole, FileEntry("a" * 64, 1)) | {role: FileEntry("a" * 64, 2**40)}
        manifest = Manifest(files=files, signature=Signature.for_matrix(1), golden_rows=1)
        script = report(ok=True, manifest=manifest.to_document()) + "".join(
            f"printf x > $6/{name}\n" for name in FILE_NAMES.values()
        )
        error = refused(b"x", python=child(script))
        assert (error.reason_code, error.pointer) == ("archive_too_large", f"/files/{role}")

    def test_it_never_ends(self, child, tmp_path):
        marker = tmp_path / "grandchild"
        script = f"sh -c 'sleep 1; touch {marker}' &\nsleep 60\n"
        started = time.monotonic()
        error = refused(b"x", limits=ValidationLimits(wall_seconds=0.3), python=child(script))
        assert (error.reason_code, error.detail) == (
            "load_timeout",
            "It took longer than 0.3 seconds.",
        )
        assert time.monotonic() - started < 5
        time.sleep(1.2)
        assert not marker.exists()

    def test_what_it_leaves_running_is_ended(self, child, tmp_path):
        marker = tmp_path / "grandchild"
        refused(b"x", python=child(f"sh -c 'sleep 1; touch {marker}' &\nexit 0\n"))
        time.sleep(1.2)
        assert not marker.exists()

    def test_it_is_told_no_secret(self, child, tmp_path, monkeypatch):
        monkeypatch.setenv("DATABASE_URL", "postgres://secret")
        seen = tmp_path / "environment"
        refused(b"x", python=child(f"env > {seen}\ncat > {tmp_path}/stdin"))
        environment = seen.read_text()
        assert "secret" not in environment
        assert "TF_NUM_INTRAOP_THREADS=1" in environment
        assert (tmp_path / "stdin").read_text() == ""

    def test_nothing_of_it_is_left(self, child, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "work"))
        (tmp_path / "work").mkdir()
        refused(b"x", python=child("touch $6/rubbish; mkdir -p $6/a/b"))
        assert [*(tmp_path / "work").iterdir()] == []
