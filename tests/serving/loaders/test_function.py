from __future__ import annotations

import numpy as np

from serving.loaders.function import FunctionLoader


class TestFunctionLoader:
    def test_serves_the_function(self, doubling_golden):
        loader = FunctionLoader(
            lambda tensors: {"output": tensors["inputs"] * 2}, 7, doubling_golden
        )
        servable = loader.load()
        assert servable.predict({"inputs": np.ones((1, 1))})["output"].tolist() == [[2.0]]
        assert (servable.engine, loader.estimate_bytes()) == ("function", 7)
        assert loader.golden() is doubling_golden
        loader.unload()
