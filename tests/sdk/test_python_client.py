"""The Python client is well made, and its user's program works against a running platform."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sdk import python_client
from sdk.document import operations
from sdk.errors import BuildError
from sdk.programs import run_python

PROGRAM = Path(__file__).parent / "programs" / "caller.py"


def mypy(*arguments, kit, folder):
    run_python(
        *("-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(folder / "cache")),
        *arguments,
        folder=folder,  # away from this project's own settings
        environment={**os.environ, "MYPYPATH": str(kit), "PYTHONPATH": ""},
    )


def run(script, kit, *arguments):
    """What a program printed that has the client on its path and nothing of ours."""
    return subprocess.run(
        [sys.executable, *script, *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(kit)},
        capture_output=True,
        text=True,
        check=False,
    )


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class TestPythonClient:
    def test_is_the_same_at_every_build(self, document, python_kit, tmp_path):
        python_client.build(document, tmp_path / "again")

        assert files_of(tmp_path / "again") == files_of(python_kit)

    def test_has_a_module_for_every_operation_under_its_subject(self, document, python_kit):
        api = python_kit / "agora_client" / "api"
        expected = {
            f"{operation['tags'][0].lower().replace(' ', '_')}/{operation['operationId']}.py"
            for _, _, operation in operations(document)
        }

        assert {
            str(path.relative_to(api)) for path in api.rglob("*.py") if path.name != "__init__.py"
        } == expected

    @pytest.mark.timeout(300)
    def test_is_typed_throughout(self, python_kit, tmp_path):
        """As strictly as there is, but for casts that openapi-python-client makes too many."""
        mypy(
            *("--disable-error-code", "redundant-cast", "-p", "agora_client"),
            kit=python_kit,
            folder=tmp_path,
        )

    @pytest.mark.timeout(300)
    def test_types_a_program_that_is_checked_strictly(self, python_kit, tmp_path):
        mypy("--follow-imports", "silent", str(PROGRAM), kit=python_kit, folder=tmp_path)

    @pytest.mark.timeout(300)
    def test_types_refuse_what_the_schema_refuses(self, python_kit, tmp_path):
        wrong = tmp_path / "wrong.py"
        wrong.write_text("from agora_client.models import LoginInput\nLoginInput(1, None)\n")

        with pytest.raises(BuildError, match='Argument 1 to "LoginInput" has incompatible type'):
            mypy("--follow-imports", "silent", str(wrong), kit=python_kit, folder=tmp_path)

    def test_installs_with_pip(self, python_kit, tmp_path):
        run_python(
            *("-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"),
            *("--no-index", "--target", str(tmp_path / "site"), str(python_kit)),
            folder=tmp_path,
        )

        assert (tmp_path / "site" / "agora_client" / "py.typed").exists()
        assert (tmp_path / "site" / "agora_client-1.0.0.dist-info").is_dir()

    def test_keeps_a_value_that_it_does_not_know_yet(self, python_kit):
        script = (
            "from agora_client.models import BatchPredictionStatus as S;"
            "print(S('queued').name, S('paused').name, S('paused'), S('paused') == 'paused')"
        )

        said = run(["-c", script], python_kit)

        assert (said.stdout, said.stderr) == ("QUEUED UNKNOWN paused True\n", "")

    def test_sends_a_list_as_one_parameter(self, document, python_kit):
        """As the schema says of every list in a query string: not exploded."""
        lists = [
            parameter
            for _, _, operation in operations(document)
            for parameter in operation.get("parameters", [])
            if parameter["in"] == "query" and parameter["schema"].get("type") == "array"
        ]
        script = (
            "from agora_client.api.batch_predictions.list_batch_predictions import _get_kwargs;"
            "from agora_client.models import ListBatchPredictionsStatusInItem as S;"
            "print(_get_kwargs(status_in=[S.QUEUED, S.FAILED], version_in=[1, 2])['params'])"
        )

        said = run(["-c", script], python_kit)

        assert [parameter for parameter in lists if parameter["explode"] is not False] == []
        assert said.stdout == (
            "{'limit': 20, 'status__in': 'queued,failed', 'version__in': '1,2'}\n"
        )

    def test_leaves_out_what_would_answer_a_part_of_an_object(self, python_kit):
        script = (
            "from agora_client.api.models.list_models import sync_detailed as call; import inspect;"
            "print(sorted({'fields', 'limit'} & set(inspect.signature(call).parameters)))"
        )

        assert run(["-c", script], python_kit).stdout == "['limit']\n"

    def test_has_a_class_for_the_body_of_every_event(self, document, python_kit):
        names = [
            webhook["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            for webhook in document["webhooks"].values()
        ]
        script = f"import agora_client.models as m; [getattr(m, n.split('/')[-1]) for n in {names}]"

        assert run(["-c", script], python_kit).stderr == ""

    @pytest.mark.processes
    def test_drives_a_running_platform(self, platform, python_kit):
        platform.start("web", "relay", "worker")
        platform.wait_ready()

        said = run([str(PROGRAM)], python_kit, platform.url, "demo", "demo")

        assert said.stderr == ""
        assert json.loads(said.stdout) == {
            "prefix": True,
            "models": ["purchase-intent"],
            "predicted": 1,
            "by": ["purchase-intent", 1],
            "stale": "412 precondition_failed",
            "has_end": True,
            "jobs": 1,
            "seen": ["ready"],
            "refused": {"status": 400, "code": "invalid_features", "places": ["#/features/0"]},
            "forbidden": [403, "insufficient_scope", "applications:write"],
        }
