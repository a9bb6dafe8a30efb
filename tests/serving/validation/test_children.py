"""Children gone wrong: they run a stranger's model, so nothing they do or say may be believed."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time

import pytest

from serving.artefact import FileEntry, FileRole, Manifest
from serving.errors import ArtefactError
from serving.sandbox import Layer
from serving.signature import Signature
from serving.validation import ValidationLimits, folders, validate_artefact
from serving.validation.exchange import FILE_NAMES
from tests.factories.artefacts import Stages

LIMITS = ValidationLimits(wall_seconds=240, upload_bytes=4 * 1024**2)
CONFINED = (
    f"echo '{json.dumps({'layers': {layer.value: True for layer in Layer}, 'missing': []})}'\n"
)
PASSED = "echo gates_passed\n"
NEST = """import os, time
for _ in range(5_000):
    os.mkdir("d"); os.chdir("d")
"""
SCATTER = """import os, time
for number in range(100_000):
    os.close(os.open(str(number), os.O_CREAT))
"""


def refused(upload, limits=LIMITS, **options):
    with pytest.raises(ArtefactError) as caught:
        validate_artefact(upload, None, limits, **options)
    return caught.value


def report(**content):
    return f"cat > $5/out/report.json <<'END'\n{json.dumps(content)}\nEND\n"


class TestEnds:
    """How a child may end, before it has said that the gates are passed."""

    def test_killed_by_a_signal(self, child):
        error = refused(b"x", python=child(CONFINED + "kill -SEGV $$"))
        assert error.reason_code == "sandbox_killed:SIGSEGV"

    def test_a_good_report_and_then_a_signal(self, child):
        script = CONFINED + report(ok=True) + "kill -ABRT $$"
        assert refused(b"x", python=child(script)).reason_code == "sandbox_killed:SIGABRT"

    def test_killed_by_its_own_filter(self, child):
        assert refused(b"x", python=child("kill -SYS $$")).reason_code == "sandbox_killed:SIGSYS"

    def test_out_of_processor_time(self, child):
        assert refused(b"x", python=child("kill -XCPU $$")).reason_code == "load_timeout"

    def test_out_of_memory(self, child):
        script = CONFINED + "echo 'terminate called: std::bad_alloc' >&2; kill -ABRT $$"
        assert refused(b"x", python=child(script)).reason_code == "memory_limit"

    def test_ended_without_a_report(self, child):
        assert refused(b"x", python=child(CONFINED + "exit 0")).reason_code == "sandbox_failed"

    def test_failed_and_printed_where_it_runs(self, child, caplog):
        error = refused(b"x", python=child(CONFINED + "echo /host/path >&2; exit 3"))
        assert error.reason_code == "sandbox_failed"
        assert "/host" not in f"{error} {error.detail} {error.pointer}"
        assert "/host/path" in caplog.text

    def test_a_good_report_without_having_passed_the_gates(self, child):
        assert refused(b"x", python=child(CONFINED + report(ok=True))).reason_code == (
            "sandbox_failed"
        )


class TestSayings:
    """What a child says on standard output."""

    @pytest.mark.parametrize(
        "line",
        [
            "rubbish",
            "[]",
            "{}",
            '{"layers": {}, "missing": ["walls"]}',
            '{"layers": {}, "missing": 1}',
            '{"layers": [], "missing": []}',
            '{"layers": {}, "missing": [], "more": 1}',
        ],
    )
    def test_a_first_line_that_makes_no_sense(self, child, line):
        script = f"echo '{line}'\n" + report(ok=True)
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"

    def test_more_than_a_line(self, child):
        script = "head -c 100000 /dev/zero | tr '\\0' 'a'; sleep 5"
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"

    def test_something_else_than_that_the_gates_are_passed(self, child):
        script = CONFINED + "echo let me in; sleep 1\n" + report(ok=True)
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"


class TestReports:
    @pytest.mark.parametrize(
        "content",
        [
            {"ok": False},
            {"ok": False, "reason_code": "../../x"},
            {"ok": False, "reason_code": "no_such_reason"},
            {"ok": False, "reason_code": "sandbox_killed:SIGHUP"},
            {"ok": False, "reason_code": 5},
            {"ok": "yes"},
        ],
    )
    def test_one_that_makes_no_sense(self, child, content):
        error = refused(b"x", python=child(CONFINED + report(**content)))
        assert error.reason_code == "sandbox_failed"

    @pytest.mark.parametrize("text", ["[]", "{", "null", "[" * 100_000])
    def test_one_that_is_no_object(self, child, text):
        script = CONFINED + f"printf '%s' '{text}' > $5/out/report.json"
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"

    def test_texts_of_a_refusal_are_cut_and_printable(self, child):
        long = report(ok=False, reason_code="load_failed", pointer="/a", detail="x" * 9_000)
        error = refused(b"x", python=child(CONFINED + long))
        assert (error.pointer, len(error.detail)) == ("/a", 500)
        script = report(ok=False, reason_code="load_failed", pointer=5, detail="a\x1b[31m")
        error = refused(b"x", python=child(CONFINED + script))
        assert (error.pointer, error.detail) == ("", "load_failed")

    @pytest.mark.parametrize("make", ["mkfifo", "mkdir", "ln -s /etc/passwd"])
    def test_something_else_in_its_place(self, child, make):
        script = CONFINED + f"{make} $5/out/report.json"
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"

    def test_one_beyond_the_cap(self, child):
        script = CONFINED + report(ok=False, reason_code="load_failed") + (
            "head -c 40000000 /dev/zero | tr '\\0' ' ' >> $5/out/report.json"
        )  # fmt: skip
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"


class TestWatched:
    """What the parent does while a child runs."""

    def test_it_never_ends(self, child, tmp_path):
        marker = tmp_path / "grandchild"
        script = CONFINED + f"sh -c 'sleep 1; touch {marker}' &\nsleep 60\n"
        started = time.monotonic()
        error = refused(b"x", limits=ValidationLimits(wall_seconds=0.3), python=child(script))
        assert error.reason_code == "load_timeout"
        assert time.monotonic() - started < 5
        time.sleep(1.2)
        assert not marker.exists()

    def test_the_second_never_ends(self, child):
        """One deadline for both."""
        script = CONFINED + PASSED + '[ "$4" = rebuild ] && exec sleep 60\n' + report(ok=True)
        started = time.monotonic()
        error = refused(b"x", limits=ValidationLimits(wall_seconds=1), python=child(script))
        # what the first left is read as soon as it has ended
        assert error.reason_code in {"load_timeout", "sandbox_failed"}
        assert time.monotonic() - started < 5

    def test_what_it_leaves_running_is_ended(self, child, tmp_path):
        marker = tmp_path / "grandchild"
        script = CONFINED + f"sh -c 'sleep 1; touch {marker}' > /dev/null &\nexit 0\n"
        refused(b"x", python=child(script))
        time.sleep(1.2)
        assert not marker.exists()

    def test_it_fills_the_disk(self, child):
        script = CONFINED + (
            "for i in 1 2 3; do head -c 50000000 /dev/zero > $5/out/$i; done; sleep 60"
        )
        started = time.monotonic()
        assert refused(b"x", python=child(script)).reason_code == "file_limit"
        assert time.monotonic() - started < 20

    @pytest.mark.parametrize(
        "program",
        [NEST + "time.sleep(60)", SCATTER + "time.sleep(60)", NEST],
        ids=["five thousand folders", "a hundred thousand files", "folders and its end"],
    )
    def test_it_makes_folders_or_files_without_number(self, child, tmp_path, monkeypatch, program):
        """It is stopped, all of it is removed, and the next validation is none the worse."""
        place = tmp_path / "work"
        place.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(place))
        script = CONFINED + f"cd $5/out && exec {shlex.quote(sys.executable)} -c '{program}'"
        started = time.monotonic()
        code = refused(b"x", python=child(script)).reason_code
        # one that ends by itself may do so between two looks
        assert code == "file_limit" or (program == NEST and code == "sandbox_failed")
        assert time.monotonic() - started < 60
        left = [*place.iterdir()]
        folders.remove(place)  # pytest's own cleaning would not bear it
        assert left == []
        place.mkdir()
        assert refused(b"x" * 30).reason_code == "not_a_keras_file"

    def test_it_is_told_no_secret(self, child, tmp_path, monkeypatch):
        monkeypatch.setenv("DATABASE_URL", "postgres://secret")
        seen = tmp_path / "environment"
        refused(b"x", python=child(f"env > {seen}\nls -a $5/in > {tmp_path}/inputs"))
        environment = seen.read_text()
        assert "secret" not in environment
        assert "TF_NUM_INTRAOP_THREADS=1" in environment
        assert {*(tmp_path / "inputs").read_text().split()} == {
            ".",
            "..",
            "options.json",
            "upload.keras",
        }

    def test_nothing_of_it_is_left(self, child, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "work"))
        (tmp_path / "work").mkdir()
        refused(b"x", python=child("touch $5/out/rubbish; mkdir -p $5/out/a/b"))
        assert [*(tmp_path / "work").iterdir()] == []


@pytest.fixture(scope="module")
def examined(keras_files, tmp_path_factory):
    """Where a good first child has left its plain data."""
    stages = Stages(tmp_path_factory.mktemp("examined"), keras_files["dense"].read_bytes(), None)
    stages.examine()
    return stages.examine_out


def second(script, examined):
    """A first child that passes everything, and a second one of this script."""
    first = f"cp {examined}/config.json {examined}/*.npz $5/out/\n" + report(ok=True)
    return CONFINED + PASSED + f'if [ "$4" = examine ]; then\n{first}else\nread go\n{script}\nfi'


@pytest.mark.tensorflow
class TestArtefacts:
    """What the second child leaves: it has never seen the upload, and is not believed either."""

    def test_a_manifest_that_makes_no_sense(self, child, examined):
        script = second(report(ok=True, manifest={"schema_version": 1}), examined)
        assert refused(b"x", python=child(script)).reason_code == "manifest_invalid"

    def test_files_that_are_not_those_of_the_manifest(self, child, examined, dense_artefact):
        manifest = dense_artefact.manifest.to_document()
        fill = f"head -c {manifest['files']['keras']['bytes']} /dev/zero > $5/out/model.keras\n"
        script = second(report(ok=True, manifest=manifest) + fill, examined)
        assert refused(b"x", python=child(script)).reason_code == "digest_mismatch"

    def test_a_link_in_the_place_of_a_file(self, child, examined, dense_artefact, tmp_path):
        secret = tmp_path / "secret"
        secret.write_bytes(dense_artefact.files[FileRole.KERAS])
        done = report(ok=True, manifest=dense_artefact.manifest.to_document())
        script = second(done + f"ln -s {secret} $5/out/model.keras", examined)
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"

    @pytest.mark.parametrize("role", FileRole)
    def test_a_file_beyond_the_cap(self, child, examined, role):
        files = dict.fromkeys(FileRole, FileEntry("a" * 64, 1)) | {role: FileEntry("a" * 64, 2**40)}
        manifest = Manifest(files=files, signature=Signature.for_matrix(1), golden_rows=1)
        made = report(ok=True, manifest=manifest.to_document()) + "".join(
            f"printf x > $5/out/{name}\n" for name in FILE_NAMES.values()
        )
        error = refused(b"x", python=child(second(made, examined)))
        assert (error.reason_code, error.pointer) == ("archive_too_large", f"/files/{role}")

    @pytest.mark.parametrize(
        "engines",
        [
            None,
            {},
            {"tensorflow": {"ok": True}, "litert": {"ok": True}},
            {"tensorflow": {"ok": 1}, "litert": {"ok": False}},
            {"litert": {"ok": False, "reason_code": "<script>", "detail": "x"}},
        ],
    )
    def test_figures_that_make_no_sense(self, child, examined, dense_artefact, tmp_path, engines):
        for role, content in dense_artefact.files.items():
            (tmp_path / FILE_NAMES[role]).write_bytes(content)
        made = "".join(f"cp {tmp_path}/{name} $5/out/\n" for name in FILE_NAMES.values())
        made += report(ok=True, manifest=dense_artefact.manifest.to_document(), engines=engines)
        script = second(made, examined)
        assert refused(b"x", python=child(script)).reason_code == "sandbox_failed"

    def test_a_flatbuffer_slipped_into_the_first_child_s_directory_is_nobody_s(
        self, child, examined, dense_artefact, tmp_path
    ):
        """The first child is forged, the second is ours."""
        evil = tmp_path / "model.tflite"
        evil.write_bytes(b"evil" * 100)
        forged = tmp_path / "forged"
        shutil.copytree(examined, forged)
        script = (
            f'if [ "$4" = rebuild ]; then exec {shlex.quote(sys.executable)} "$@"; fi\n'
            + CONFINED
            + PASSED
            + f"cp {forged}/config.json {forged}/*.npz $5/out/\n"
            + f"cp {evil} $5/out/model.tflite; cp {evil} $5/out/model.keras\n"
            + report(ok=True, manifest={"files": {"litert": {}}}, engines={"litert": "mine"})
        )
        result = validate_artefact(b"x", None, LIMITS, python=child(script))
        assert result.manifest.digest == dense_artefact.manifest.digest
        assert result.files == dense_artefact.files
