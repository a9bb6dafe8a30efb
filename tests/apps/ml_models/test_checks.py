"""The system checks on the sandbox, on this kernel and on one that seems to lack Landlock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from apps.ml_models.apps import check_sandbox, check_sandbox_in_production
from serving.sandbox import REQUIRED_LAYERS, Layer
from serving.sandbox.landlock import CREATE_RULESET

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import django, json
django.setup()
from django.conf import settings
from serving.sandbox import REQUIRED_LAYERS
settings.VALIDATION_REQUIRED_LAYERS = REQUIRED_LAYERS
from apps.ml_models.apps import check_sandbox, check_sandbox_in_production
print(json.dumps([[m.id, m.msg] for m in check_sandbox() + check_sandbox_in_production()]))
"""


class TestCheckSandbox:
    def test_a_kernel_with_all_layers_passes(self):
        assert (check_sandbox(), check_sandbox_in_production()) == ([], [])

    def test_production_may_not_do_without_one(self, settings):
        settings.VALIDATION_REQUIRED_LAYERS = REQUIRED_LAYERS - {Layer.SECCOMP}
        (error,) = check_sandbox_in_production()
        assert (error.id, error.level) == ("ml_models.E001", 40)
        assert error.msg == "VALIDATION_REQUIRED_LAYERS does without seccomp."
        assert check_sandbox() == []

    def test_a_kernel_without_landlock_warns_and_does_not_deploy(self):
        done = subprocess.run(
            [
                *(sys.executable, str(ROOT / "tests" / "serving" / "lacking.py")),
                *(str(CREATE_RULESET), sys.executable, "-c", PROGRAM),
            ],
            check=True,
            capture_output=True,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(ROOT)]),
                "DJANGO_SETTINGS_MODULE": "config.settings.test",
            },
        )
        warning, error = json.loads(done.stdout.splitlines()[-1])
        assert warning[0] == "ml_models.W001"
        assert error == ["ml_models.E002", "This kernel lacks landlock: no model can be validated."]
