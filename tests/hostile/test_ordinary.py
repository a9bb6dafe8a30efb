"""Ordinary models of every kind get through, and answer afterwards as Keras did before."""

from __future__ import annotations

import numpy as np
import pytest

from serving.container import read_archive
from serving.keras_config import implied_parameters, sanitised
from serving.loaders.choice import loader_for
from serving.validation import ValidationLimits, validate_artefact
from tests.hostile.ordinary import GATED, SHORT, VALIDATED

LIMITS = ValidationLimits(wall_seconds=240)


def by_length():
    """All that go through the whole pipeline, two imports of TensorFlow each; most in full only."""
    for name in VALIDATED:
        yield pytest.param(name, marks=[] if name in SHORT else [pytest.mark.exhaustive])


@pytest.mark.tensorflow
class TestOrdinary:
    def test_every_kind_is_there(self, ordinary):
        assert {*ordinary} == {*VALIDATED, *GATED}

    @pytest.mark.parametrize("name", [*by_length()])
    def test_is_accepted_and_answers_as_keras_did(self, ordinary, name):
        model = ordinary[name]
        result = validate_artefact(model.upload, None, LIMITS)
        by_digest = {
            entry.sha256: result.files[role] for role, entry in result.manifest.files.items()
        }
        loader = loader_for(
            result.manifest, lambda entry: by_digest[entry.sha256], allow_tensorflow=True
        )
        names = [tensor.name for tensor in result.manifest.signature.inputs]
        rows = dict(zip(names, model.inputs.values(), strict=True))  # both in the model's order
        answers = loader.load().predict(rows)
        assert answers.keys() == model.outputs.keys()
        for output, expected in model.outputs.items():
            np.testing.assert_allclose(answers[output], expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("name", [*VALIDATED, *GATED])
    def test_passes_the_gates_and_keeps_its_configuration(self, ordinary, name):
        archive = read_archive(ordinary[name].upload, max_bytes=2**26)
        kept = sanitised(archive.config)
        assert kept["config"] == without_training(archive.config)["config"]
        assert implied_parameters(archive.config) == ordinary[name].parameters


def without_training(value):
    if isinstance(value, dict):
        return {k: without_training(v) for k, v in value.items() if k != "compile_config"}
    return [without_training(v) for v in value] if isinstance(value, list) else value
