"""Hostile artefacts that carry code, or name it, or reach for the host."""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import zipfile

import numpy as np

from tests.hostile.recipe import (
    GOOD,
    archive,
    function,
    functional,
    hdf5,
    hostile,
    layer,
    metadata,
    node,
    sequential,
    tensor,
)

CLASS = "class_not_allowed"


def bytecode(lures):
    """The body of a function that leaves a file behind, as Keras stores lambdas."""
    source = f"lambda x: (open({str(lures.forbidden)!r}, 'w').close(), x)[1]"
    code = marshal.dumps(compile(source, "<model>", "eval"))
    return {"class_name": "__lambda__", "config": {"value": base64.b64encode(code).decode()}}


def a_lambda(lures):
    return layer("Lambda", name="lambda", function=bytecode(lures))


@hostile(CLASS, would="run marshalled bytecode in the process that loads it (CVE-2024-3660)")
def lambda_layer(lures):
    return archive(sequential(a_lambda(lures)))


@hostile(CLASS, would="hide a Lambda from scanners that look at the outermost layers only")
def lambda_in_a_nested_model(lures):
    return archive(sequential(sequential(a_lambda(lures))))


@hostile(CLASS, would="hide a Lambda in a wrapper")
def lambda_in_time_distributed(lures):
    return archive(
        sequential(layer("TimeDistributed", name="t", layer=a_lambda(lures)), shape=(2, 3))
    )


@hostile(CLASS, would="hide a Lambda in the backward half of a Bidirectional")
def lambda_in_bidirectional(lures):
    half = layer("LSTM", name="lstm", units=2)
    both = layer("Bidirectional", name="b", layer=half, backward_layer=a_lambda(lures))
    return archive(sequential(both, shape=(2, 3)))


@hostile(CLASS, would="hide a Lambda as the cell of an RNN")
def lambda_as_a_cell(lures):
    return archive(sequential(layer("RNN", name="rnn", cell=a_lambda(lures)), shape=(2, 3)))


@hostile(CLASS, would="call a named Keras function, which safe_mode does not stop")
def lambda_with_a_named_function(_lures):
    named = layer("Lambda", name="lambda", function=function("relu", "keras.activations"))
    return archive(sequential(named))


@hostile(
    "not_a_keras_file",
    would="load through the legacy reader, which ignored safe_mode (CVE-2025-9905)",
)
def legacy_h5(lures):
    config = json.dumps(sequential(a_lambda(lures)))
    return hdf5(lambda file: file.attrs.__setitem__("model_config", config))


def calling(name, module, *arguments):
    """A graph that calls a function of Keras on its input, or on constants."""
    entry = function(name, module) | {"name": "evil"}
    call = {"args": [*arguments] or [tensor("inputs")], "kwargs": {}}
    return archive(functional(entry | {"inbound_nodes": [call]}, output="evil"))


@hostile(CLASS, would="make the whole process compute in float16")
def set_floatx(_lures):
    return calling("set_floatx", "keras.config", "float16")


@hostile(CLASS, would="change the epsilon of every other model of the process")
def set_epsilon(_lures):
    return calling("set_epsilon", "keras.config", 123.0)


@hostile(CLASS, would="change the backend under every other model")
def set_backend(_lures):
    return calling("set_backend", "keras.config", "numpy")


@hostile(CLASS, would="change the default types of every layer made later")
def set_dtype_policy(_lures):
    return calling("set_dtype_policy", "keras.dtype_policies", "mixed_float16")


@hostile(CLASS, would="switch safe_mode off for a Lambda further down (CVE-2025-9906)")
def enable_unsafe_deserialization(_lures):
    return calling("enable_unsafe_deserialization", "keras.config")


@hostile(CLASS, would="download to a path of its choice while it is loaded")
def downloads_a_dataset(lures):
    return calling("load_data", "keras.datasets.mnist", str(lures.forbidden))


@hostile(CLASS, would="fetch a URL from inside the network and unpack it (CVE-2025-8747)")
def fetches_a_url(lures):
    url = f"http://127.0.0.1:{lures.port}/x.tar"
    return calling("get_file", "keras.utils", "x.tar", url, True)


@hostile(CLASS, would="load another model of the host, without safe_mode")
def loads_another_model(lures):
    return calling("load_model", "keras.saving", str(lures.secret))


@hostile(CLASS, would="write a picture to a path of its choice")
def plots_to_a_file(lures):
    return calling("plot_model", "keras.utils", str(lures.forbidden))


@hostile(CLASS, would="run a command (CVE-2025-1550)")
def names_os_system(_lures):
    return archive(sequential(layer("system", module="os")))


@hostile("value_not_allowed", would="run a command, where names are resolved by import")
def activation_os_system(_lures):
    return archive(sequential(layer(activation="os.system")))


@hostile("value_not_allowed", would="resolve a name through whatever the server registered")
def initializer_by_a_strange_name(_lures):
    return archive(sequential(layer(kernel_initializer="my_package>evil")))


@hostile(CLASS, would="evaluate text")
def names_eval(_lures):
    return archive(sequential(layer(activation=function("eval"))))


@hostile(CLASS, would="resolve to a class that the server happens to have imported")
def custom_class(_lures):
    return archive(sequential(layer("Custom", module="my_package.layers", name="custom")))


@hostile(CLASS, would="be taken for one of the server's own registered classes")
def registered_name_of_the_server(_lures):
    return archive(sequential(layer() | {"registered_name": "server>Dense"}))


@hostile(CLASS, would="pass a check that compares the beginning of the module's name")
def module_that_begins_like_keras(_lures):
    return archive(sequential(layer(module="keras_evil.layers")))


@hostile(CLASS, would="unmarshal code by Keras' own helper")
def names_func_load(lures):
    entry = function("func_load", "keras.src.utils.python_utils")
    return archive(sequential(layer(activation=entry, name="d", use_bias=bytecode(lures))))


@hostile(CLASS, would="run a SavedModel of the host, file operations and all (CVE-2026-1462)")
def tfsm_layer(lures):
    return archive(sequential(layer("TFSMLayer", name="t", filepath=str(lures.secret.parent))))


@hostile(CLASS, would="unpickle, which is to run anything (CVE-2025-49655)")
def torch_module(lures):
    pickled = base64.b64encode(pickle_that_opens(lures.forbidden)).decode()
    return archive(sequential(layer("TorchModuleWrapper", name="t", module=pickled)))


@hostile(CLASS, would="unpickle a JAX function")
def jax_layer(lures):
    pickled = base64.b64encode(pickle_that_opens(lures.forbidden)).decode()
    return archive(sequential(layer("JaxLayer", name="j", call_fn=pickled)))


@hostile(CLASS, would="unpickle a Flax module")
def flax_layer(lures):
    pickled = base64.b64encode(pickle_that_opens(lures.forbidden)).decode()
    return archive(sequential(layer("FlaxLayer", name="f", module=pickled)))


@hostile(CLASS, would="read a file of the host into the vocabulary (CVE-2025-12058)")
def vocabulary_file(lures):
    lookup = layer("StringLookup", name="s", vocabulary=str(lures.secret))
    return archive(sequential(lookup))


@hostile(CLASS, would="read another file of the host into the vocabulary")
def integer_vocabulary_file(lures):
    lookup = layer("IntegerLookup", name="i", vocabulary=str(lures.secret))
    return archive(sequential(lookup))


@hostile(CLASS, would="make the server call a URL of its choice")
def vocabulary_url(lures):
    url = f"http://127.0.0.1:{lures.port}/words"
    return archive(sequential(layer("TextVectorization", name="t", vocabulary=url)))


@hostile(would="unmarshal code when a nested model is compiled, which compile=False does not stop",
         loads_keras=True)  # fmt: skip
def lambda_in_the_training_of_a_nested_model(lures):
    training = {"optimizer": bytecode(lures), "loss": bytecode(lures)}
    return archive(GOOD | {"compile_config": training})


@hostile(CLASS, would="unmarshal code where an initialiser is expected")
def lambda_as_initializer(lures):
    return archive(sequential(layer(kernel_initializer=bytecode(lures))))


@hostile(CLASS, would="unmarshal code where a regulariser is expected")
def lambda_as_regularizer(lures):
    return archive(sequential(layer(kernel_regularizer=bytecode(lures))))


@hostile(CLASS, would="unmarshal code where a constraint is expected")
def lambda_as_constraint(lures):
    return archive(sequential(layer(bias_constraint=bytecode(lures))))


@hostile(CLASS, would="unmarshal code where a type is expected")
def lambda_as_dtype(lures):
    return archive(sequential(layer(dtype=bytecode(lures))))


@hostile(CLASS, would="unmarshal code among the arguments of a call")
def lambda_as_an_argument(lures):
    add = layer("Add", "keras.src.ops.numpy", name="add")
    call = {"args": [tensor("inputs"), bytecode(lures)], "kwargs": {}}
    return archive(functional(add | {"name": "add", "inbound_nodes": [call]}, output="add"))


@hostile(CLASS, would="import a module of its choice to find a type")
def type_specification(_lures):
    spec = {
        "class_name": "__typespec__",
        "spec_name": "TensorSpec",
        "module": "os",
        "config": [[None, 3], "float32"],
        "registered_name": None,
    }
    return archive(sequential(layer("InputLayer", name="i", input_tensor=spec)))


@hostile(CLASS, would="take a function by name and run it over each element")
def control_flow(lures):
    entry = layer("Map", "keras.src.ops.core", name="map", function=bytecode(lures))
    return archive(functional(node(entry, tensor("inputs")), output="map"))


@hostile(CLASS, would="build an optimizer where everything expects a model")
def optimizer_inside(_lures):
    return archive(sequential(layer("Adam", "keras.optimizers", name="adam")))


def pickle_that_opens(path):
    class Opens:
        def __reduce__(self):
            return (open, (str(path), "w"))

    return pickle.dumps(Opens())


@hostile("not_a_keras_file", would="run anything as soon as it is unpickled")
def pickle_renamed(lures):
    return pickle_that_opens(lures.forbidden)


@hostile("archive_members", "archive_member_name", would="unpickle an object array")
def object_array(lures):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        inner = io.BytesIO()
        np.save(inner, np.array([pickle_that_opens(lures.forbidden)], dtype=object))
        file.writestr("weights.npy", inner.getvalue())
    return buffer.getvalue()


@hostile("archive_too_large", would="fill the log, or whatever shows the metadata")
def talkative_metadata(_lures):
    return archive(**{"metadata.json": metadata(note="<script>" * 1_300_000)})


@hostile("config_invalid", would="be shown as a version, with a line break and a command in it")
def version_that_is_a_command(_lures):
    return archive(**{"metadata.json": metadata(keras_version="3.15.1\n$(touch /tmp/x)")})


def saved_model(*operations):
    """A SavedModel in a zip; the operations' names stand in its graph as text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        graph = b"\x08\x01\x12" + b"".join(
            b"\x0a" + bytes([len(name)]) + name for name in operations
        )
        file.writestr("saved_model.pb", graph)
        file.writestr("variables/variables.index", b"")
    return buffer.getvalue()


@hostile("archive_members", would="read and write files of the host at each prediction")
def saved_model_that_reads_and_writes(_lures):
    return saved_model(b"ReadFile", b"WriteFile", b"MatchingFiles", b"PrintV2")


@hostile("archive_members", would="never come back from a prediction")
def saved_model_that_loops(_lures):
    return saved_model(b"While", b"LoopCond", b"NextIteration")


@hostile("archive_members", would="read a table's file while it is loaded, by a path that climbs")
def saved_model_with_a_table(lures):
    buffer = io.BytesIO(saved_model(b"InitializeTableFromTextFileV2"))
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr("assets/vocabulary", str(lures.secret))
    return buffer.getvalue()


@hostile("not_a_keras_file", would="run in C++ without any of this, were it stored as it came")
def flatbuffer(_lures):
    return b"\x1c\0\0\0TFL3" + bytes(200)
