"""What a Keras model says of its inputs and outputs, against what its signature document says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from serving.errors import ArtefactError, InvalidSignatureError
from serving.loaders.keras import (
    identifier,
    match_names,
    named_outputs,
    output_structure,
    outputs_of,
)
from serving.signature import DType, Feature, FeatureKind, InputTensor, Signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.signature import Output

OUTPUT_KINDS = "fiu"  # numpy's letters: floats and integers; JSON has no place for anything else


def complete_signature(model: Any, document: object) -> Signature:  # noqa: ANN401 - TensorFlow ships no types
    """The signature that the document and the model agree on, outputs included.

    Args:
        model: Functional or Sequential.
        document: None for a model that came without one.

    Raises:
        ArtefactError: signature_invalid, signature_mismatch or input_shape_unknown.
    """
    tensors = _inputs_of(model)
    try:
        if document is None:
            return _default_signature(tensors).with_outputs(_outputs_of(model))
        signature = Signature.from_document(document)
        if isinstance(document, dict) and "inputs" not in document and len(tensors) == 1:
            signature = replace(
                signature, inputs=(replace(tensors[0], features=signature.feature_names),)
            )
    except InvalidSignatureError as error:
        raise ArtefactError("signature_invalid", error.pointer, error.detail) from None
    _check_inputs(signature, tensors)
    return _with_outputs(signature, model)


def _inputs_of(model: Any) -> list[InputTensor]:  # noqa: ANN401 - TensorFlow ships no types
    """The model's inputs in their order, without features."""
    tensors = []
    for tensor in getattr(model, "inputs", None) or ():
        shape = tuple(tensor.shape[1:])
        if tensor.shape[0] is not None or None in shape:
            raise ArtefactError(
                "input_shape_unknown", "", f"Input {tensor.name!r} has shape {tensor.shape}."
            )
        if tensor.dtype not in set(DType):
            raise ArtefactError(
                "signature_mismatch", "", f"Input {tensor.name!r} is {tensor.dtype}."
            )
        name = identifier(tensor.name)
        tensors.append(InputTensor(name, DType(tensor.dtype), shape, ()))
    if not tensors:
        raise ArtefactError("input_shape_unknown", "", "The model does not say what its input is.")
    return tensors


def _default_signature(tensors: Sequence[InputTensor]) -> Signature:
    """One feature a cell, or one for a whole tensor of several axes."""
    features: list[Feature] = []
    inputs: list[InputTensor] = []
    prefixes = ["x"] if len(tensors) == 1 else [f"{tensor.name}_" for tensor in tensors]
    for prefix, tensor in zip(prefixes, tensors, strict=True):
        floats = tensor.dtype in {DType.FLOAT32, DType.FLOAT64}
        kind = FeatureKind.NUMBER if floats else FeatureKind.INTEGER
        if len(tensor.shape) == 1:
            own = [Feature(f"{prefix}{i}", kind) for i in range(tensor.shape[0])]
        else:
            own = [Feature(prefix.rstrip("_") or "x", kind, shape=tensor.shape)]
        features += own
        inputs.append(replace(tensor, features=tuple(feature.name for feature in own)))
    return Signature(tuple(features), tuple(inputs))


def _check_inputs(signature: Signature, tensors: Sequence[InputTensor]) -> None:
    names = match_names(
        [tensor.name for tensor in signature.inputs], [tensor.name for tensor in tensors]
    )
    theirs = {names[tensor.name]: tensor for tensor in tensors}
    for index, tensor in enumerate(signature.inputs):
        wanted = theirs[tensor.name]
        if tensor.shape != wanted.shape:
            raise ArtefactError(
                "signature_mismatch",
                f"/inputs/{index}/shape",
                f"The model's input has shape {list(wanted.shape)}.",
            )
        if tensor.dtype is not wanted.dtype:
            raise ArtefactError(
                "signature_mismatch", f"/inputs/{index}/dtype", f"The model's is {wanted.dtype}."
            )


def _outputs_of(model: Any) -> tuple[Output, ...]:  # noqa: ANN401 - TensorFlow ships no types
    for name, tensor in named_outputs(model, output_structure(model)).items():
        if tensor.shape[0] is not None or None in tensor.shape[1:]:
            raise ArtefactError(
                "output_shape_unknown", "", f"Output {name!r} has shape {tensor.shape}."
            )
        if np.dtype(tensor.dtype).kind not in OUTPUT_KINDS:
            raise ArtefactError(
                "output_type_unsupported", "", f"Output {name!r} is {tensor.dtype}."
            )
    return outputs_of(model)


def _with_outputs(signature: Signature, model: Any) -> Signature:  # noqa: ANN401 - TensorFlow ships no types
    theirs = _outputs_of(model)
    if not signature.outputs:
        return signature.with_outputs(theirs)
    names = match_names(
        [output.name for output in signature.outputs], [output.name for output in theirs]
    )
    shapes = {names[output.name]: output.shape for output in theirs}
    for index, output in enumerate(signature.outputs):
        if output.shape != shapes[output.name]:
            raise ArtefactError(
                "signature_mismatch",
                f"/outputs/{index}/shape",
                f"The model's output has shape {list(shapes[output.name])}.",
            )
    return signature
