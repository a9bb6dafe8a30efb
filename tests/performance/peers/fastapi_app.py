"""The fastest plain way we know: FastAPI, orjson, no validation, no login, a compiled call.

BENCH_ENGINE says which: `tensorflow` (a concrete function with a fixed signature and a free batch
dimension) or `litert` (the same network as a flatbuffer).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import orjson
from fastapi import FastAPI, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Engine = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def tensorflow_engine(path: str) -> Engine:
    import keras
    import tensorflow as tf

    model = keras.models.load_model(path)
    spec = tf.TensorSpec([None, model.input_shape[1]], tf.float32)
    compiled = tf.function(lambda x: model(x, training=False), input_signature=[spec])
    concrete = compiled.get_concrete_function()

    def run(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        answer: NDArray[np.float32] = concrete(tf.constant(rows)).numpy()
        return answer

    return run


def litert_engine(path: str) -> Engine:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    take = interpreter.get_input_details()[0]["index"]
    give = interpreter.get_output_details()[0]["index"]
    size = 0

    def run(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal size
        if len(rows) != size:
            size = len(rows)
            interpreter.resize_tensor_input(take, rows.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(take, rows)
        interpreter.invoke()
        answer: NDArray[np.float32] = interpreter.get_tensor(give)
        return answer

    return run


def make_engine() -> Engine:
    if os.environ["BENCH_ENGINE"] == "litert":
        return litert_engine(os.environ["BENCH_FLATBUFFER"])
    return tensorflow_engine(os.environ["BENCH_MODEL"])


app = FastAPI(openapi_url=None)
engine = make_engine()


@app.post("/predict")
async def predict(request: Request) -> Response:
    features = orjson.loads(await request.body())["features"]
    answer = engine(np.asarray(features, dtype=np.float32))
    content = orjson.dumps({"prediction": answer}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(content, media_type="application/json")
