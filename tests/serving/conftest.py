"""Models small enough to build in a second, and signatures of every kind."""

from __future__ import annotations

import io
import json
import shlex
import sys
import textwrap
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from serving.golden import GoldenSet
from serving.harness import RetryOptions
from serving.manager import ServableManager
from serving.signature import Feature, FeatureKind, Signature, UnknownCategory
from serving.validation import ValidationLimits, validate_artefact
from tests.factories.artefacts import validate_here
from tests.serving.managers import Clock, Recorder

LIMITS = ValidationLimits(wall_seconds=240)  # a busy machine imports TensorFlow slowly
SESSION_DOCUMENT = {
    "features": [
        {"name": "duration", "kind": "number", "unit": "seconds", "minimum": 0},
        {"name": "pages", "kind": "integer", "minimum": 0, "maximum": 500},
        {"name": "month", "kind": "category", "vocabulary": ["Feb", "Mar"], "unknown": "other"},
        {"name": "visitor", "kind": "category", "vocabulary": ["New", "Returning"]},
        {"name": "weekend", "kind": "boolean"},
    ],
}


@pytest.fixture(scope="session")
def session_signature():
    """Five features, one of each kind and both treatments of unknown categories."""
    return Signature.from_document(SESSION_DOCUMENT)


@pytest.fixture(scope="session")
def image_signature():
    """One nested feature of 2 by 3 numbers."""
    return Signature.from_document(
        {
            "features": [{"name": "image", "kind": "number", "maximum": 255, "shape": [2, 3]}],
            "inputs": [
                {"name": "inputs", "dtype": "float32", "shape": [2, 3], "features": ["image"]}
            ],
        }
    )


@pytest.fixture(scope="session")
def doubling_golden():
    """Rows of one number, and twice that number."""
    rows = np.arange(4, dtype=np.float32).reshape(4, 1)
    return GoldenSet({"inputs": rows}, {"output": rows * 2})


@pytest.fixture(scope="session")
def keras_files(tmp_path_factory):
    """Paths of freshly saved .keras files by name; builds each once."""
    folder = tmp_path_factory.mktemp("keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras 3 copies variables in a way numpy 2 deprecates
        return {name: _save(build(), folder / f"{name}.keras") for name, build in MODELS.items()}


def _save(model, path: Path) -> Path:
    model.save(path)
    return path


def _dense():
    import keras

    keras.utils.set_random_seed(7)
    return keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


def _two_inputs():
    """Numbers through a Normalization, a code through an Embedding; two named outputs; compiled."""
    import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    numbers = layers.Input((3,), name="numbers")
    code = layers.Input((1,), dtype="int32", name="month-code")
    scaled = layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0])(numbers)
    embedded = layers.Flatten()(layers.Embedding(3, 2)(code))
    joined = layers.Dropout(0.5)(layers.Concatenate()([scaled, embedded]))
    outputs = {
        "buys": layers.Dense(1, activation="sigmoid")(joined),
        "basket": layers.Dense(3, activation="softmax")(joined + 1.0),
    }
    model = keras.Model({"numbers": numbers, "month-code": code}, outputs)
    model.compile("adam", loss={"buys": "binary_crossentropy", "basket": "mse"})
    return model


def _only_tensorflow():
    """An inverse error function, which LiteRT's built-in operations lack."""
    import keras

    keras.utils.set_random_seed(7)
    numbers = keras.layers.Input((2,), name="numbers")
    answer = keras.ops.erfinv(keras.ops.tanh(keras.layers.Dense(1)(numbers)) * 0.5)
    return keras.Model(numbers, answer)


def _not_a_number():
    import keras

    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.set_weights([np.full((2, 1), np.nan), np.zeros(1)])
    return model


def _image():
    import keras

    keras.utils.set_random_seed(7)
    image = keras.layers.Input((4, 4, 1), name="image")
    answer = keras.layers.Dense(2)(
        keras.layers.Flatten()(keras.layers.Conv2D(2, 3, activation="relu")(image))
    )
    return keras.Model(image, answer)


MODELS = {
    "dense": _dense,
    "two_inputs": _two_inputs,
    "only_tensorflow": _only_tensorflow,
    "not_a_number": _not_a_number,
    "image": _image,
}
TWO_INPUTS_DOCUMENT = {
    "features": [
        {"name": "month", "kind": "category", "vocabulary": ["Feb", "Mar"], "unknown": "other"},
        {"name": "age", "kind": "number", "minimum": 0, "maximum": 120},
        {"name": "pages", "kind": "integer", "minimum": 0, "maximum": 500},
        {"name": "weekend", "kind": "boolean"},
    ],
    "inputs": [
        {
            "name": "numbers",
            "dtype": "float32",
            "shape": [3],
            "features": ["age", "pages", "weekend"],
        },
        {"name": "month_code", "dtype": "int32", "shape": [1], "features": ["month"]},
    ],
    "outputs": [
        {"name": "buys", "shape": [1], "class_labels": ["no", "yes"]},
        {"name": "basket", "shape": [3]},
    ],
}


@pytest.fixture(scope="session")
def dense_artefact(keras_files):
    """Four numbers to one probability, without a signature document; the one made confined."""
    return validate_artefact(keras_files["dense"], None, LIMITS)


@pytest.fixture(scope="session")
def two_inputs_artefact(keras_files):
    return validate_here(keras_files["two_inputs"], TWO_INPUTS_DOCUMENT)


@pytest.fixture(scope="session")
def tensorflow_artefact(keras_files):
    return validate_here(keras_files["only_tensorflow"])


@pytest.fixture
def read_of():
    """A ReadFile for an artefact that lies in memory."""

    def read_of(artefact):
        by_digest = {
            entry.sha256: artefact.files[role] for role, entry in artefact.manifest.files.items()
        }
        return lambda entry: by_digest[entry.sha256]

    return read_of


DENSE_CONFIG = {
    "module": "keras",
    "class_name": "Sequential",
    "config": {
        "name": "sequential",
        "layers": [
            {
                "module": "keras.layers",
                "class_name": "Dense",
                "config": {"name": "dense", "units": 1, "activation": "relu"},
                "registered_name": None,
            }
        ],
    },
    "registered_name": "Sequential",
    "compile_config": {"optimizer": {"module": "keras.optimizers", "class_name": "Adam"}},
}


@pytest.fixture
def archive_of():
    """Write a .keras container by hand: archive_of({"config.json": ..., ...}) to bytes."""

    def archive_of(members=None, *, config=None, compression=zipfile.ZIP_STORED):
        contents = {
            "metadata.json": json.dumps({"keras_version": "3.15.1", "date_saved": "today"}),
            "config.json": json.dumps(DENSE_CONFIG if config is None else config),
            "model.weights.h5": b"\x89HDF weights",
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", compression) as archive:
            for name, content in (contents | (members or {})).items():
                if content is not None:
                    archive.writestr(name, content)
        return buffer.getvalue()

    return archive_of


@pytest.fixture
def boolean_and_other():
    """A signature built in Python, not read from a document."""
    return (
        Feature("flag", FeatureKind.BOOLEAN),
        Feature(
            "colour",
            FeatureKind.CATEGORY,
            vocabulary=("red", "blue"),
            unknown=UnknownCategory.OTHER,
        ),
    )


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def manager(clock, recorder):
    return ServableManager(
        1_000,
        observer=recorder,
        linger_seconds=0,
        clock=clock,
        retries=RetryOptions(attempts=2, wait_seconds=1, rest_seconds=60),
    )


@pytest.fixture
def child(tmp_path):
    """Put a shell script in the place of Python; $4 is the stage, $5 its directory."""

    def child(script):
        path = tmp_path / "python"
        path.write_text("#!/bin/sh\ncd /\n" + textwrap.dedent(script))
        path.chmod(0o755)
        return str(path)

    return child


@pytest.fixture
def lacking(tmp_path):
    """A Python on a kernel that seems to lack a system call: lacking(number)."""

    def lacking(number):
        path = tmp_path / f"python-without-{number}"
        program = Path(__file__).with_name("lacking.py")
        run = shlex.join([sys.executable, str(program), str(number), sys.executable])
        path.write_text(f'#!/bin/sh\nexec {run} "$@"\n')
        path.chmod(0o755)
        return str(path)

    return lacking
