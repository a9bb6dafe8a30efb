"""What a configuration may name: data, extended by review and by nothing else.

Exact names only: a prefix lets keras_evil through. What is not here is refused, above all what
carries code, reads files or takes a function by name: Lambda, TFSMLayer, TorchModuleWrapper,
JaxLayer, FlaxLayer, TextVectorization and Keras' control flow (CVE-2025-1550, CVE-2025-12058,
CVE-2026-1462).
"""

from __future__ import annotations

import re

ROOTS = {"Functional": "keras.src.models.functional", "Sequential": "keras"}
"""Models whose graph is data, with their module; a subclassed one is code that is not there."""
OTHER_NAMES_OF_ROOTS = {
    ("keras", "Functional"),
    ("keras.models", "Sequential"),
    ("keras.src.models.sequential", "Sequential"),
}
"""As older versions of Keras 3 wrote them."""

FUNCTIONS = frozenset(
    {
        "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
        "hard_swish", "hard_tanh", "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish",
        "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
        "softsign", "sparse_plus", "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink",
        "threshold",
    }
)  # fmt: skip
"""Activations: the only functions that may be named at all."""

INITIALIZERS = {
    "Constant": "value",
    "GlorotNormal": "seed input_axes output_axes",
    "GlorotUniform": "seed input_axes output_axes",
    "HeNormal": "seed input_axes output_axes",
    "HeUniform": "seed input_axes output_axes",
    "Identity": "gain",
    "LecunNormal": "seed input_axes output_axes",
    "LecunUniform": "seed input_axes output_axes",
    "Ones": "",
    "Orthogonal": "gain seed",
    "RandomNormal": "mean stddev seed",
    "RandomUniform": "minval maxval seed",
    "TruncatedNormal": "mean stddev seed",
    "VarianceScaling": "scale mode distribution seed input_axes output_axes",
    "Zeros": "",
}
REGULARIZERS = {"L1": "l1", "L1L2": "l1 l2", "L2": "l2", "OrthogonalRegularizer": "factor mode"}
CONSTRAINTS = {
    "MaxNorm": "max_value axis",
    "MinMaxNorm": "min_value max_value rate axis",
    "NonNeg": "",
    "UnitNorm": "axis",
}
POLICIES = {"DTypePolicy": "name", "FloatDTypePolicy": "name"}
"""Not the quantised ones: what they do to a layer's size is not known here."""

DTYPES = frozenset(
    {
        "bfloat16", "bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64",
        "string", "uint8", "uint16", "uint32", "uint64",
    }
)  # fmt: skip
POLICY_NAMES = DTYPES | {"mixed_bfloat16", "mixed_float16"}

MARKERS = {
    "__ellipsis__": "",
    "__keras_tensor__": "shape dtype keras_history",
    "__numpy__": "value dtype",
    "__slice__": "start stop step",
    "__tensor__": "value dtype",
}
"""Plain data that Keras writes with a class name and without a module; in a call's arguments."""

ONE_FOR_ONE = (
    "Absolute", "Add", "Arctan", "Arctan2", "Ceil", "Cos", "Divide", "DivideNoNan", "Equal", "Exp",
    "Expm1", "Floor", "FloorDivide", "GetItem", "Greater", "GreaterEqual", "Less", "LessEqual",
    "Log", "Log10", "Log1p", "Log2", "LogicalAnd", "LogicalNot", "LogicalOr", "Matmul", "Maximum",
    "Minimum", "Mod", "Multiply", "Negative", "NotEqual", "Power", "Reciprocal", "Sign", "Sin",
    "Sqrt", "Square", "Subtract", "Tan", "Tanh", "TrueDivide", "Where",
)  # fmt: skip
"""Operations without arguments of their own; all but GetItem and Matmul go number by number."""
OPERATIONS = {
    "keras.src.ops.core": {"Cast": "dtype", "StopGradient": ""},
    "keras.src.ops.math": {
        "Erf": "",
        "Erfinv": "",
        "Logsumexp": "axis keepdims",
        "Rsqrt": "",
    },
    "keras.src.ops.nn": {
        "Celu": "alpha",
        "Elu": "alpha",
        "Gelu": "approximate",
        "HardSigmoid": "",
        "HardSilu": "",
        "HardTanh": "",
        "LeakyRelu": "negative_slope",
        "LogSigmoid": "",
        "LogSoftmax": "axis",
        "Relu": "",
        "Relu6": "",
        "Selu": "",
        "Sigmoid": "",
        "Silu": "",
        "Softmax": "axis",
        "Softplus": "",
        "Softsign": "",
    },
    "keras.src.ops.numpy": dict.fromkeys(ONE_FOR_ONE, "")
    | {
        "Argmax": "axis keepdims",
        "Argmin": "axis keepdims",
        "Clip": "x_min x_max",
        "Concatenate": "axis",
        "ExpandDims": "axis",
        "Flip": "axis",
        "Max": "axis keepdims initial",
        "Mean": "axis keepdims",
        "Min": "axis keepdims initial",
        "NanToNum": "nan posinf neginf",
        "Prod": "axis keepdims dtype",
        "Reshape": "newshape",
        "Round": "decimals",
        "Squeeze": "axis",
        "Stack": "axis",
        "Std": "axis keepdims",
        "Sum": "axis keepdims",
        "Swapaxes": "axis1 axis2",
        "Transpose": "axes",
        "Var": "axis keepdims",
    },
}
"""x + y and keras.ops.tanh(x) in a graph, with the arguments of each."""

NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
"""Of a layer; names become paths inside the weights file (CVE-2026-12479)."""
FREE_TEXT = re.compile(r"(?s).{0,4096}")
WORDS = {
    "data_format": {"channels_last", "channels_first"},
    "distribution": {"truncated_normal", "untruncated_normal", "uniform", "normal"},
    "encoding": {"utf-8"},
    "fill_mode": {"constant", "nearest", "reflect", "wrap"},
    "interpolation": {"area", "bicubic", "bilinear", "lanczos3", "lanczos5", "nearest"},
    "merge_mode": {"ave", "concat", "mul", "sum"},
    "mode": {
        "columns", "fan_avg", "fan_in", "fan_out", "horizontal", "horizontal_and_vertical",
        "rows", "vertical",
    },
    "oov_method": {"farmhash", "floormod"},
    "output_mode": {"count", "int", "multi_hot", "one_hot", "tf_idf"},
    "padding": {"causal", "same", "valid"},
    "score_mode": {"concat", "dot"},
    "vocabulary_dtype": {"int64", "string"},
}  # fmt: skip
"""Arguments whose texts are of a fixed set."""
PATTERNS = {
    "bias_axes": re.compile(r"[a-zA-Z]{0,26}"),
    "equation": re.compile(r"(\.\.\.)?[a-zA-Z]{1,26},[a-zA-Z]{1,26}->(\.\.\.)?[a-zA-Z]{1,26}"),
    "name": NAME,
    "mask_token": FREE_TEXT,
    "oov_token": FREE_TEXT,
    "vocabulary": FREE_TEXT,  # each word of an inline list
}
"""Arguments whose texts follow a pattern; a text as any other argument is refused."""
