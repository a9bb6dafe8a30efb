"""What hostile artefacts are made of: an ordinary small model, taken apart, and the list itself."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h5py
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MEBIBYTE = 1_024 * 1_024


@dataclass(frozen=True)
class Lures:
    """What must stay untouched, for the artefacts to reach for.

    Attributes:
        secret: a file that nobody may open.
        forbidden: a path that must not come to be.
        port: of a socket on the loopback that nobody may call.
    """

    secret: Path
    forbidden: Path
    port: int


@dataclass(frozen=True)
class Hostile:
    """One artefact.

    Attributes:
        would: what it does to a loader that trusts it.
        reasons: the codes with which it may be refused; none when it is disarmed instead.
        loads_keras: it passes the gates, so refusing it takes seconds.
    """

    make: Callable[[Lures], bytes]
    would: str
    reasons: tuple[str, ...]
    loads_keras: bool = False


HOSTILE: dict[str, Hostile] = {}


def hostile(*reasons, would, loads_keras=False):
    """Put what a function makes on the list, under the function's name."""

    def add(make):
        assert make.__name__ not in HOSTILE
        HOSTILE[make.__name__] = Hostile(make, would, reasons, loads_keras)
        return make

    return add


def layer(class_name="Dense", module="keras.layers", **config):
    if class_name == "Dense":
        config = {"name": "dense", "units": 2, "activation": "linear"} | config
    return {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": None,
    }


def input_layer(*shape, dtype="float32", name="inputs"):
    return layer("InputLayer", batch_shape=[None, *shape], dtype=dtype, name=name)


def sequential(*layers, shape=(3,), **beside):
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "sequential", "layers": [input_layer(*shape), *layers]},
        "registered_name": None,
    } | beside


def tensor(of, node=0, output=0, shape=(None, 3)):
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [*shape], "dtype": "float32", "keras_history": [of, node, output]},
    }


def node(entry, *sources, name=None, **arguments):
    """A layer in a graph, called once on each of the sources' outputs."""
    name = name or entry["config"]["name"]
    entry["config"]["name"] = name
    calls = [{"args": [source], "kwargs": arguments} for source in sources]
    return entry | {"name": name, "inbound_nodes": calls}


def functional(*nodes, output, shape=(3,)):
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "functional",
            "trainable": True,
            "layers": [node(input_layer(*shape)), *nodes],
            "input_layers": [["inputs", 0, 0]],
            "output_layers": [[output, 0, 0]],
        },
        "registered_name": "Functional",
    }


def function(name, module="builtins"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


GOOD = sequential(layer())
"""Three numbers to two, linearly."""


def changed(document, pointer, value):
    """A copy of a document with one member replaced; steps are separated by slashes."""
    document = copy.deepcopy(document)
    *steps, last = (int(step) if step.isdigit() else step for step in pointer.split("/"))
    place = document
    for step in steps:
        place = place[step]
    place[last] = value
    return document


def plain_weights(**variables):
    """As Keras lays out one Dense, e.g. kernel="..." or extra variables by path."""
    arrays = {
        "layers/dense/vars/0": np.array([[1, 2], [3, 4], [5, 6]], np.float32),
        "layers/dense/vars/1": np.array([0.5, -0.5], np.float32),
    } | variables
    return hdf5(
        lambda file: [
            file.create_dataset(path, data=array)
            for path, array in arrays.items()
            if array is not None
        ]
    )


def hdf5(write, **options):
    """What a function writes into a new HDF5 file."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        write(file)
    return buffer.getvalue()


def metadata(**members):
    return json.dumps({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"} | members)


def archive(config=None, weights=None, *, compression=zipfile.ZIP_STORED, **members):
    """A .keras file as Keras would write it; members by name, None leaves one out."""
    config = GOOD if config is None else config
    contents = {
        METADATA: metadata(),
        CONFIG: config if isinstance(config, str | bytes) else json.dumps(config),
        WEIGHTS: plain_weights() if weights is None else weights,
    } | members
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in contents.items():
            if content is not None:
                file.writestr(name, content)
    return buffer.getvalue()
