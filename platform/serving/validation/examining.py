"""The first child: takes the upload apart, tries the model, hands on plain data.

Begun by child.py, so it is confined. What it writes is believed by nobody: an upload that has
taken over this process through a hole in HDF5 or TensorFlow can write anything it likes.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from typing import TYPE_CHECKING, Any

from serving.container import read_archive
from serving.errors import ArtefactError
from serving.keras_config import implied_parameters, sanitised
from serving.keras_signature import complete_signature
from serving.loaders.keras import KerasServable, set_threads, trace
from serving.plain_arrays import write_weights
from serving.reasons import ReasonCode
from serving.validation.child import say
from serving.validation.exchange import (
    ARRAYS,
    CONFIG,
    GATES_PASSED,
    GOLDEN,
    INPUTS,
    OUTPUTS,
    SIGNATURE,
    UPLOAD,
    read_document,
)
from serving.validation.reporting import report
from serving.validation.trial import build_golden, try_out
from serving.weights import read_weights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from serving.documents import Node

WEIGHTS_FILE = "model.weights.h5"  # Keras wants this end of the name
MAX_UNPACKED = 2**50


def main(work: Path, options: dict[str, Node]) -> int:
    unpacked_bytes = options["unpacked_bytes"].integer(at_least=1, at_most=MAX_UNPACKED)
    out = work / OUTPUTS
    tempfile.tempdir = str(out)  # else Python tries it out: by removing, which is not allowed here
    return report(
        lambda: examine(
            work / INPUTS,
            out,
            unpacked_bytes=unpacked_bytes,
            gates_passed=lambda: say(GATES_PASSED),
        ),
        out,
        otherwise=ReasonCode.LOAD_FAILED,
    )


def examine(
    source: Path,
    out: Path,
    *,
    unpacked_bytes: int,
    gates_passed: Callable[[], None] = lambda: None,
) -> dict[str, object]:
    """Stages 1 to 4: container, configuration, weights, load and trial.

    Args:
        source: holds the upload and, when there is one, the signature document.
        out: gets config.json, weights.npz and golden.npz.
        unpacked_bytes: of all that the upload unpacks to.
        gates_passed: called before Keras is imported.

    Raises:
        ArtefactError: with the reason why the model is not accepted.
    """
    archive = read_archive((source / UPLOAD).read_bytes(), max_bytes=unpacked_bytes)
    config = sanitised(archive.config)
    weights_path = out / WEIGHTS_FILE
    weights_path.write_bytes(archive.weights)
    read_weights(weights_path, max_bytes=unpacked_bytes, at_least=implied_parameters(config))
    (out / CONFIG).write_text(json.dumps(config))  # now: Keras takes apart what it is given
    gates_passed()

    model = _load(config, weights_path)
    signature = complete_signature(model, read_document(source / SIGNATURE))
    reference = KerasServable(trace(model, signature))
    golden = build_golden(reference, signature)
    try_out(reference, signature)
    (out / ARRAYS).write_bytes(write_weights(model.get_weights()))
    (out / GOLDEN).write_bytes(golden.to_bytes())
    return {}


def _load(config: dict[str, object], weights_path: Path) -> Any:  # noqa: ANN401 - TensorFlow ships no types
    """A model of the configuration with these weights, and a Keras as it was before."""
    import keras  # noqa: PLC0415 - four seconds, and only once the gates are passed

    set_threads(1, 1)
    before = _global_state()
    model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    if not isinstance(model, keras.Model):
        raise ArtefactError(
            ReasonCode.ROOT_NOT_A_MODEL, "/class_name", ReasonCode.ROOT_NOT_A_MODEL.explanation
        )
    try:
        with warnings.catch_warnings():
            # Keras only warns of a layer that "will retain freshly-initialized weights"
            warnings.simplefilter("error", UserWarning)
            model.load_weights(weights_path)
    except (ValueError, KeyError, UserWarning) as error:
        raise ArtefactError(
            ReasonCode.WEIGHTS_MISMATCH, "", ReasonCode.WEIGHTS_MISMATCH.explanation
        ) from error
    if _global_state() != before:
        raise ArtefactError(
            ReasonCode.GLOBAL_STATE_CHANGED, "", ReasonCode.GLOBAL_STATE_CHANGED.explanation
        )
    return model


def _global_state() -> tuple[object, ...]:
    """What a model could change for every other model of the process."""
    import keras  # noqa: PLC0415 - see above

    return (
        keras.config.backend(),
        keras.config.dtype_policy().name,
        keras.config.epsilon(),
        keras.config.floatx(),
        keras.config.image_data_format(),
        tuple(sorted(keras.saving.get_custom_objects())),
    )
