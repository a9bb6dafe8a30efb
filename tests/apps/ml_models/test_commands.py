"""manage.py train_purchase_intent, from its options to a model that answers."""

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.ml_models import runtime
from apps.ml_models.management.commands.train_purchase_intent import MODEL_NAME
from apps.ml_models.models import DriftReference, ModelAlias, ModelVersion, RegisteredModel
from apps.ml_models.services import predicting
from tests.factories.ml_models import promote

# Each step has a transaction of its own: the test's would sit idle longer than is allowed.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.tensorflow]


@pytest.fixture(autouse=True)
def own_state(settings, tmp_path):
    settings.STATE_DIR = tmp_path / "state"
    return settings.STATE_DIR


def train(*arguments):
    output = StringIO()
    call_command("train_purchase_intent", *arguments, stdout=output)
    return output.getvalue()


class TestTrainPurchaseIntent:
    def test_trains_a_model_that_answers_and_promotes_it_unless_told_not_to(self, own_state):
        text = train("--rows", "1200", "--seed", "1", "--no-promote")

        version = ModelVersion.objects.get()
        assert (version.model.name, version.number, version.state) == (MODEL_NAME, 1, "ready")
        assert version.engine == "litert"
        assert 0.5 < version.metrics["auc"] <= 1
        assert set(version.metrics["baselines"]) == {"logistic", "prior"}
        assert version.metrics["training"]["rows"] == 1200
        assert "AUC" in text
        self.check_knowledge(version)
        assert not ModelAlias.objects.exists()

        promote(version, default=True)
        runtime.refresh()
        samples = json.loads((own_state / "demo" / "sample_rows.json").read_text())
        result = predicting.predict(features=samples).result
        assert all(0 <= probability <= 1 for (probability,) in result.to_lists())
        assert "nothing to train" in train("--if-missing")
        assert ModelVersion.objects.count() == 1

    def check_knowledge(self, version):
        """Card, origin, and bins for every feature and the score."""
        card = version.card
        assert card.text.startswith("# purchase_intent")
        assert re.fullmatch("[0-9a-f]{64}", card.training_data_digest)
        assert (card.training["rows"], card.training["seed"]) == (1200, 1)
        assert set(card.frameworks) == {"keras", "tensorflow", "numpy"}
        assert card.parent is None
        features = {feature["name"] for feature in version.signature["features"]}
        references = DriftReference.objects.filter(version=version, source="training")
        assert {row.feature for row in references} == features | {""}
        assert {row.rows for row in references if row.feature} == {840}
        (manifest,) = {row.sha256 for row in version.transitions.filter(to_state="ready")}
        assert manifest == version.artefact_digest

    def test_says_what_is_wrong_with_a_file(self, tmp_path):
        path = tmp_path / "sessions.csv"
        path.write_text("a,b\n1,2\n")

        with pytest.raises(CommandError):
            train("--csv", str(path))
        assert not RegisteredModel.objects.exists()


def test_the_web_s_modules_import_no_training(tmp_path):
    code = (
        "import sys, django; django.setup(); import apps.ml_models.api.v1.urls;"
        "sys.exit(any(name.split('.')[0] in {'training', 'keras'} for name in sys.modules))"
    )
    root = Path(__file__).resolve().parents[3]
    environment = {
        "PYTHONPATH": f"{root / 'platform'}:{root}",
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "STATE_DIR": str(tmp_path),
    }
    done = subprocess.run([sys.executable, "-c", code], check=False, env=environment)

    assert done.returncode == 0
