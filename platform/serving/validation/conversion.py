"""Keras to LiteRT, and whether the flatbuffer answers as TensorFlow does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serving.errors import GoldenMismatchError
from serving.golden import largest_difference
from serving.loaders.litert import SIGNATURE_NAME, LiteRTServable
from serving.reasons import ReasonCode
from serving.validation.measuring import measure
from serving.warmup import warm_up

if TYPE_CHECKING:
    from pathlib import Path

    from serving.golden import GoldenSet


def try_litert(
    model: Any,  # noqa: ANN401 - TensorFlow ships no types
    function: Any,  # noqa: ANN401 - TensorFlow ships no types
    golden: GoldenSet,
    directory: Path,
) -> tuple[bytes | None, dict[str, object]]:
    """The flatbuffer and its figures, or None and why LiteRT cannot run this model.

    Args:
        model: with the variables that the function has captured.
        function: traced, with named tensors.
        golden: what it must answer.
        directory: for what the converter needs on the way; it is made.
    """
    try:
        content = convert_to_litert(model, function, directory)
    except Exception as error:  # noqa: BLE001 - the converter raises anything; the model stays usable
        return None, _failed(ReasonCode.NOT_CONVERTIBLE, type(error).__name__)
    try:
        servable = LiteRTServable(content)
        warm_up(servable, golden)
        difference = largest_difference(servable.predict(golden.inputs), golden.outputs)
    except GoldenMismatchError as error:
        return None, _failed(ReasonCode.PARITY, error.detail)
    except (ValueError, RuntimeError) as error:
        return None, _failed(ReasonCode.LITERT_FAILED, type(error).__name__)
    figures = measure(lambda: LiteRTServable(content), golden)
    return content, {"ok": True, "largest_difference": difference, **figures}


def _failed(reason: ReasonCode, detail: str) -> dict[str, object]:
    return {"ok": False, "reason_code": reason.value, "detail": detail}


def convert_to_litert(model: Any, function: Any, directory: Path) -> bytes:  # noqa: ANN401 - TensorFlow ships no types
    """The flatbuffer of a traced model, built-in operations only.

    By way of a SavedModel that holds the variables and not the model: both
    from_concrete_functions and a SavedModel with a Keras 3 model inside silently give wrong
    constants (answers 0.7 off, or NaN), without an error or a warning.
    """
    import tensorflow as tf  # noqa: PLC0415 - after the process has limited itself

    holder = tf.Module()
    holder.captured = [variable.value for variable in model.variables]
    tf.saved_model.save(holder, str(directory), signatures={SIGNATURE_NAME: function})
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(directory), signature_keys=[SIGNATURE_NAME]
    )
    return bytes(converter.convert())
