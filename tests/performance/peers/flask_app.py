"""The tutorial's way: Flask, one route, `model.predict` for each request."""

from __future__ import annotations

import os

import keras
import numpy as np
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
model = keras.models.load_model(os.environ["BENCH_MODEL"])


@app.post("/predict")
def predict() -> Response:
    features = np.array(request.get_json()["features"])
    return jsonify({"prediction": model.predict(features, verbose=0).tolist()})
