"""TensorFlow concrete functions: the reference path; the only loader that imports TensorFlow."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serving.artefact import FileRole, verified
from serving.errors import ArtefactError
from serving.golden import GoldenSet
from serving.signature import Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from serving.artefact import Manifest, ReadFile
    from serving.servable import Servable, Tensors
    from serving.signature import Signature

FIXED_BYTES = 4 * 1_024 * 1_024  # of one traced graph, beside its weights
COPIES = 3  # weights, their copy while loading, what the graph keeps


class KerasServable:
    """One concrete function, traced once; TensorFlow lets many threads call it."""

    engine = "tensorflow"

    def __init__(self, function: Any) -> None:  # noqa: ANN401 - TensorFlow ships no types
        self._function = function

    def predict(self, tensors: Tensors) -> Tensors:
        import tensorflow as tf

        named = {name: tf.constant(array) for name, array in tensors.items()}
        return {name: tensor.numpy() for name, tensor in self._function(**named).items()}


class KerasLoader:
    """Serves the Keras file of an artefact.

    Args:
        manifest: says which inputs and outputs the function has.
        read: the content of a file by its entry; its digest is checked here.
        intra_op_threads, inter_op_threads: of TensorFlow in this process; the first model
            loaded decides. 0 leaves it to TensorFlow.
    """

    def __init__(
        self,
        manifest: Manifest,
        read: ReadFile,
        *,
        intra_op_threads: int = 1,
        inter_op_threads: int = 1,
    ) -> None:
        self._manifest = manifest
        self._read = read
        self._threads = (intra_op_threads, inter_op_threads)

    def file_bytes(self) -> int:
        return self._manifest.files[FileRole.KERAS].bytes

    def estimate_bytes(self) -> int:
        return FIXED_BYTES + COPIES * self.file_bytes()

    def open_engine(self) -> None:
        import keras  # noqa: F401 - for its memory

    def load(self) -> Servable:
        """Raises ArtefactError when the file is not the validated one or does not load."""
        content = self._content(FileRole.KERAS)
        set_threads(*self._threads)
        with tempfile.TemporaryDirectory(prefix="keras-") as directory:
            path = Path(directory, "model.keras")
            path.write_bytes(content)
            try:
                model = load_model(path)
            except Exception as error:  # Keras raises six kinds for a bad file
                raise ArtefactError("load_failed", "", "Keras cannot load the model.") from error
        return KerasServable(trace(model, self._manifest.signature))

    def golden(self) -> GoldenSet | None:
        return GoldenSet.from_bytes(self._content(FileRole.GOLDEN))

    def unload(self) -> None:
        """The graph goes with the servable."""

    def _content(self, role: FileRole) -> bytes:
        entry = self._manifest.files[role]
        return verified(self._read(entry), entry.sha256)


def set_threads(intra_op: int, inter_op: int) -> None:
    """Set TensorFlow's thread pools, unless it has already computed something."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # "cannot be modified after initialization"
        tf.config.threading.set_intra_op_parallelism_threads(intra_op)
        tf.config.threading.set_inter_op_parallelism_threads(inter_op)


def load_model(path: Path) -> Any:  # noqa: ANN401 - TensorFlow ships no types
    """A Keras model without its training configuration; no code from the file may run."""
    import keras

    return keras.saving.load_model(path, compile=False, safe_mode=True)


def trace(model: Any, signature: Signature) -> Any:  # noqa: ANN401 - TensorFlow ships no types
    """The model as one graph with named tensors and any number of rows.

    Args:
        model: a Functional or Sequential model.
        signature: its inputs name the arguments, its outputs the results.

    Returns:
        A concrete function: it refuses other names, types and shapes rather than trace again
        (docs/guide/function of TensorFlow, "Obtaining concrete functions").

    Raises:
        ArtefactError: signature_mismatch.
    """
    import keras
    import tensorflow as tf

    arguments = match_names([tensor.name for tensor in signature.inputs], input_names(model))
    specs = {
        tensor.name: tf.TensorSpec([None, *tensor.shape], tensor.dtype.value, name=tensor.name)
        for tensor in signature.inputs
    }

    structure = input_structure(model)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow ships no types
    def serve(**tensors: Any) -> dict[str, Any]:  # noqa: ANN401 - TensorFlow ships no types
        placed = keras.tree.map_structure(lambda like: tensors[arguments[like.name]], structure)
        answers = named_outputs(model, model(placed, training=False))
        names = match_names([output.name for output in signature.outputs], list(answers))
        return {names[name]: answer for name, answer in answers.items()}

    return serve.get_concrete_function(**specs)


def input_structure(model: Any) -> Any:  # noqa: ANN401 - TensorFlow ships no types
    """The model's input tensors as it is called with them: one, a list or a dictionary."""
    import keras

    # a Sequential that was loaded from a file has `inputs` and no `input`
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


def output_structure(model: Any) -> Any:  # noqa: ANN401 - TensorFlow ships no types
    import keras

    return model.outputs[0] if isinstance(model, keras.Sequential) else model.output


def input_names(model: Any) -> list[str]:  # noqa: ANN401 - TensorFlow ships no types
    return [tensor.name for tensor in model.inputs]


def named_outputs(model: Any, answer: Any) -> Mapping[str, Any]:  # noqa: ANN401 - no types
    """The outputs of one call by name: dictionary keys, else the names of the output layers."""
    if isinstance(answer, dict):
        return {str(name): value for name, value in answer.items()}
    if isinstance(answer, list | tuple):
        return dict(zip(model.output_names, answer, strict=True))
    return {"output": answer}


def outputs_of(model: Any) -> tuple[Output, ...]:  # noqa: ANN401 - TensorFlow ships no types
    """What the model says of its outputs, for a signature that says nothing."""
    return tuple(
        Output(identifier(name), tuple(int(length) for length in tensor.shape[1:]))
        for name, tensor in named_outputs(model, output_structure(model)).items()
    )


def identifier(name: str) -> str:
    """A Keras name as a tensor name: letters, digits and underscores."""
    safe = re.sub(r"[^A-Za-z0-9_]", "_", name)[:64]
    return safe if safe[:1].isalpha() or safe[:1] == "_" else f"_{safe}"[:64]


def match_names(ours: list[str], theirs: list[str]) -> dict[str, str]:
    """Our tensor name for each of the model's; a single one needs no common name.

    Raises:
        ArtefactError: signature_mismatch.
    """
    if len(ours) == len(theirs) == 1:
        return {theirs[0]: ours[0]}
    safe = {identifier(name): name for name in theirs}
    if len(safe) != len(theirs) or safe.keys() != set(ours):
        raise ArtefactError(
            "signature_mismatch", "", f"The model has {sorted(safe)}, the signature {sorted(ours)}."
        )
    return {safe[name]: name for name in ours}
