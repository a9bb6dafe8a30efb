"""The network prepares raw columns itself, loads in safe mode and runs in LiteRT."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from training.features import Preparation
from training.fitting import FitSettings, fit_network, forget_categories
from training.network import Architecture, answer_unseen_as_other, build_network, predict
from training.progress import NullProgress
from training.purchase_intent import HEAVY_TAILED, MONTHS

pytestmark = [
    pytest.mark.tensorflow,
    # Keras 3.15 calls np.array on TensorFlow's tensors, whose __array__ is of numpy 1.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
JANUARY, OTHER_MONTH = 0, 12
MONTH = 10  # column


@pytest.fixture(scope="module")
def preparation(small_parts, signature):
    return Preparation.fit(
        small_parts.training.features, signature=signature, heavy_tailed=HEAVY_TAILED
    )


def build(preparation, **sizes):
    keras.utils.set_random_seed(1)
    return build_network(
        preparation=preparation,
        base_rate=0.2,
        input_name="features",
        output_name="purchase_probability",
        architecture=Architecture(**sizes),
    )


def fit(network, preparation, parts, **settings):
    return fit_network(
        network,
        preparation=preparation,
        parts=parts,
        settings=FitSettings(**settings),
        progress=NullProgress(),
    )


@pytest.fixture(scope="module")
def fitted(preparation, small_parts):
    network = build(preparation, hidden=(16, 8))
    fit(network, preparation, small_parts, max_epochs=3)
    return network


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "model.keras"
    fitted.save(path)
    return path


class TestBuildNetwork:
    def test_takes_rows_of_17_floats_and_gives_one_probability(self, preparation):
        network = build(preparation)
        assert (network.input_shape, network.output_shape) == ((None, 17), (None, 1))
        assert [entry.name for entry in network.inputs] == ["features"]
        assert network.output_names == ["purchase_probability"]
        assert network.inputs[0].dtype == "float32"

    def test_prepares_columns_as_the_baseline_does(self, preparation, small_parts):
        network = build(preparation)
        prepared = keras.Model(network.input, network.get_layer("prepared").output)
        rows = small_parts.holdout.features
        inside = keras.ops.convert_to_numpy(prepared(rows))
        assert inside == pytest.approx(preparation.design_matrix(rows), abs=1e-4)

    def test_starts_at_the_base_rate(self, preparation):
        bias = build(preparation).get_layer("purchase_probability").get_weights()[1]
        assert 1 / (1 + np.exp(-bias[0])) == pytest.approx(0.2)


class TestFile:
    def test_loads_in_safe_mode_and_answers_the_same(self, fitted, saved, small_parts):
        loaded = keras.models.load_model(saved, safe_mode=True, compile=False)
        rows = small_parts.holdout.features
        assert predict(loaded, rows).tolist() == predict(fitted, rows).tolist()

    def test_names_only_kerass_own_classes(self, saved):
        with zipfile.ZipFile(saved) as archive:
            config = json.loads(archive.read("config.json"))
        layers = config["config"]["layers"]
        assert {(layer["module"], layer["class_name"]) for layer in layers} == {
            ("keras.layers", "CategoryEncoding"),
            ("keras.layers", "Concatenate"),
            ("keras.layers", "Dense"),
            ("keras.layers", "Dropout"),
            ("keras.layers", "InputLayer"),
            ("keras.layers", "Normalization"),
            ("keras.src.ops.numpy", "GetItem"),
            ("keras.src.ops.numpy", "Log1p"),
        }

    def test_runs_in_litert_with_builtin_operations_and_the_same_answers(
        self, fitted, small_parts, tmp_path
    ):
        fitted.export(tmp_path / "saved_model", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved_model"))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        interpreter = Interpreter(model_content=converter.convert())
        (entry,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()
        rows = np.vstack([small_parts.holdout.features, extreme_rows()])

        interpreter.resize_tensor_input(entry["index"], rows.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(entry["index"], rows)
        interpreter.invoke()

        assert entry["shape_signature"].tolist() == [-1, 17]
        answers = interpreter.get_tensor(answer["index"])[:, 0]
        assert answers == pytest.approx(predict(fitted, rows), abs=1e-6)


class TestPredict:
    def test_stays_a_probability_for_extreme_rows(self, fitted):
        answers = predict(fitted, extreme_rows())
        assert np.isfinite(answers).all()
        assert ((answers >= 0) & (answers <= 1)).all()

    def test_does_not_depend_on_how_rows_are_cut(self, fitted, small_parts, monkeypatch):
        rows = small_parts.holdout.features
        whole = predict(fitted, rows)
        monkeypatch.setattr("training.network.PREDICT_ROWS", 7)
        assert predict(fitted, rows) == pytest.approx(whole, abs=1e-6)


class TestAnswerUnseenAsOther:
    def test_answers_a_month_that_training_lacked_like_an_unknown_one(
        self, preparation, small_parts
    ):
        network = build(preparation)
        rows = small_parts.training.features
        without = rows[rows[:, MONTH] != JANUARY]
        before = in_month(network, rows, JANUARY), in_month(network, rows, OTHER_MONTH)
        assert np.abs(before[0] - before[1]).max() > 1e-4  # random weights differ

        answer_unseen_as_other(network, preparation, without)

        unknown = in_month(network, rows, OTHER_MONTH)
        assert in_month(network, rows, JANUARY).tolist() == unknown.tolist()
        assert unknown.tolist() == before[1].tolist()

    def test_leaves_what_training_saw(self, preparation, small_parts):
        network = build(preparation)
        rows = small_parts.training.features
        before = predict(network, rows)
        answer_unseen_as_other(network, preparation, rows)
        assert predict(network, rows).tolist() == before.tolist()


class TestForgetCategories:
    def test_replaces_about_the_share_of_each_category_and_nothing_else(
        self, preparation, simulated
    ):
        rows = simulated[0].features
        forgetful = forget_categories(rows, preparation, share=0.2, rng=np.random.default_rng(0))
        columns = [group.start for group in preparation.categories]
        assert (forgetful == rows)[:, [c for c in range(17) if c not in columns]].all()
        for group in preparation.categories:
            changed = forgetful[:, group.start] != rows[:, group.start]
            assert 0.17 < changed.mean() < 0.23
            assert (forgetful[changed, group.start] == group.width - 1).all()

    def test_does_not_touch_its_argument(self, preparation, small_parts):
        rows = small_parts.training.features
        before = rows.copy()
        forget_categories(rows, preparation, share=1.0, rng=np.random.default_rng(0))
        assert (rows == before).all()


class TestFitNetwork:
    def test_gives_the_same_weights_for_the_same_seed(self, preparation, small_parts):
        def trained(seed):
            network = build(preparation, hidden=(8,))
            keras.utils.set_random_seed(seed)
            fit(network, preparation, small_parts, max_epochs=2, seed=seed)
            return predict(network, small_parts.holdout.features).tolist()

        first = trained(1)
        assert trained(1) == first
        assert trained(2) != first

    def test_stops_early_and_takes_back_the_best_epochs_weights(self, preparation, small_parts):
        network = build(preparation, hidden=(64, 32), dropout=0.0, l2=0.0)
        outcome = fit(
            network, preparation, small_parts, max_epochs=60, patience=5, learning_rate=0.02
        )
        assert outcome.epochs == outcome.best_epoch + 5 < 60
        part = small_parts.validation
        loss = network.evaluate(part.features, part.labels.astype("float32"), verbose=0)
        # Not exactly: validation rows may have a category whose weights were then set to other's.
        assert loss == pytest.approx(outcome.validation_loss, abs=0.003)

    def test_trains_other_by_forgetting_some_categories(self, preparation, small_parts):
        def trained(share):
            network = build(preparation, hidden=(8,))
            keras.utils.set_random_seed(1)
            fit(network, preparation, small_parts, max_epochs=1, forgotten=share)
            return in_month(network, small_parts.holdout.features, OTHER_MONTH).tolist()

        assert trained(0.5) != trained(0.0)

    def test_answers_a_category_that_training_lacked_like_an_unknown_one(
        self, preparation, small_parts
    ):
        rows = small_parts.training
        november = MONTHS.index("Nov")
        lacking = rows.take(np.flatnonzero(rows.features[:, MONTH] != november))
        network = build(preparation, hidden=(8,))
        fit(network, preparation, replace(small_parts, training=lacking), max_epochs=1)

        unknown = in_month(network, rows.features, OTHER_MONTH)
        assert in_month(network, rows.features, november).tolist() == unknown.tolist()

    def test_reports_every_epoch(self, preparation, small_parts):
        told = []

        class Listener(NullProgress):
            def advance(self, *, done, note=""):
                told.append((done, note))

        fit_network(
            build(preparation, hidden=(4,)),
            preparation=preparation,
            parts=small_parts,
            settings=FitSettings(max_epochs=3),
            progress=Listener(),
        )
        assert [done for done, _ in told] == [1, 2, 3]
        assert all(re.fullmatch(r"loss \d\.\d{4}, validation \d\.\d{4}", note) for _, note in told)


def in_month(network, rows, month):
    """Answers to the same rows, had they all been in one month."""
    moved = rows.copy()
    moved[:, MONTH] = month
    return predict(network, moved)


def extreme_rows():
    """Nothing at all; more than any session had; categories that are all unknown."""
    rows = np.zeros((3, 17), dtype=np.float32)
    rows[1, :6] = 1e9
    rows[1, 8] = 1e30
    rows[2, 10:16] = [12, 8, 13, 9, 20, 3]
    return rows
