"""Small models around every layer and operation that may be named, to compare sizes with Keras.

Imports Keras: only inside a test that is marked so.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

SEQUENCE, IMAGE, VOLUME = (9, 4), (9, 8, 4), (5, 6, 7, 2)
BY_RANK = {1: SEQUENCE, 2: IMAGE, 3: VOLUME}


def one(layer, *shape, dtype="float32"):
    return keras.Sequential([layers.Input(shape or SEQUENCE, dtype=dtype), layer])


def called(function, *shape):
    inputs = layers.Input(shape or SEQUENCE)
    return keras.Model(inputs, function(inputs))


def two(function, one_shape, other_shape=None):
    one, other = layers.Input(one_shape), layers.Input(other_shape or one_shape)
    return keras.Model([one, other], function(one, other))


def sliding():
    for padding in ("valid", "same"):
        yield one(layers.Conv1D(6, 3, strides=2, padding=padding))
        yield one(
            layers.Conv2D(6, (3, 2), strides=(2, 1), padding=padding, groups=2, use_bias=False),
            *IMAGE,
        )
        yield one(layers.Conv2D(6, 3, dilation_rate=2, padding=padding), *IMAGE)
        yield one(layers.Conv3D(3, 3, padding=padding), *VOLUME)
        yield one(layers.Conv1DTranspose(6, 3, strides=2, padding=padding))
        yield one(
            layers.Conv2DTranspose(6, 3, strides=2, padding=padding, output_padding=1), *IMAGE
        )
        yield one(layers.Conv2DTranspose(6, (2, 4), strides=(3, 1), padding=padding), *IMAGE)
        yield one(layers.Conv3DTranspose(3, 3, strides=2, padding=padding), *VOLUME)
        yield one(layers.DepthwiseConv1D(3, padding=padding, depth_multiplier=2))
        yield one(layers.DepthwiseConv2D(3, strides=2, padding=padding, use_bias=False), *IMAGE)
        yield one(layers.SeparableConv1D(5, 3, padding=padding, depth_multiplier=2))
        yield one(layers.SeparableConv2D(5, 3, strides=2, padding=padding, use_bias=False), *IMAGE)
        for rank, shape in BY_RANK.items():
            yield one(getattr(layers, f"MaxPooling{rank}D")(2, strides=1, padding=padding), *shape)
            yield one(getattr(layers, f"AveragePooling{rank}D")(2, padding=padding), *shape)
            yield one(
                getattr(layers, f"ConvLSTM{rank}D")(
                    3, 2, padding=padding, return_sequences=padding == "same"
                ),
                3,
                *shape,
            )
    yield one(layers.Conv1D(2, 3, padding="causal", dilation_rate=2))
    yield one(layers.Conv2D(3, 3, data_format="channels_first"), 4, 9, 8)


def stretching():
    for rank, shape in BY_RANK.items():
        for kind in ("Average", "Max"):
            keep = kind == "Max"
            yield one(getattr(layers, f"Global{kind}Pooling{rank}D")(keepdims=keep), *shape)
            yield one(getattr(layers, f"Adaptive{kind}Pooling{rank}D")(2), *shape)
        yield one(getattr(layers, f"UpSampling{rank}D")(3), *shape)
        yield one(getattr(layers, f"ZeroPadding{rank}D")(2), *shape)
        yield one(getattr(layers, f"Cropping{rank}D")(1), *shape)
    yield one(layers.ZeroPadding1D((1, 2)))
    yield one(layers.ZeroPadding2D(((1, 2), (3, 4))), *IMAGE)
    yield one(layers.Cropping1D((1, 2)))
    yield one(layers.Cropping2D((1, 2)), *IMAGE)
    yield one(layers.Resizing(5, 6), *IMAGE)
    yield one(layers.CenterCrop(5, 6), *IMAGE)
    yield one(layers.Reshape((-1, 2)))
    yield one(layers.Permute((2, 1)))
    yield one(layers.RepeatVector(3), 4)
    yield one(layers.Flatten())


def plain():
    for layer in (
        layers.Activation("relu"), layers.ActivityRegularization(), layers.AlphaDropout(0.1),
        layers.Dropout(0.1), layers.ELU(), layers.GaussianDropout(0.1), layers.GaussianNoise(0.1),
        layers.Identity(), layers.LeakyReLU(), layers.Masking(), layers.ReLU(),
        layers.Rescaling(2.0), layers.Softmax(), layers.UnitNormalization(),
        layers.SpatialDropout1D(0.1), layers.BatchNormalization(), layers.LayerNormalization(),
        layers.RMSNormalization(), layers.Normalization(), layers.Normalization(axis=None),
        layers.Normalization(axis=(1, 2)), layers.Normalization(mean=1.0, variance=2.0),
        layers.GroupNormalization(2), layers.PReLU(), layers.PReLU(shared_axes=[1]),
        layers.Dense(3, use_bias=False), layers.Dense(3, dtype="mixed_float16"),
    ):  # fmt: skip
        yield one(layer)
    for layer in (
        layers.SpatialDropout2D(0.1), layers.BatchNormalization(axis=1, scale=False),
        layers.LayerNormalization(axis=[1, 2], center=False), layers.RandomBrightness(0.1),
        layers.RandomContrast(0.1), layers.RandomRotation(0.1), layers.RandomZoom(0.1),
        layers.RandomFlip(), layers.RandomTranslation(0.1, 0.1),
    ):  # fmt: skip
        yield one(layer, *IMAGE)
    yield one(layers.SpatialDropout3D(0.1), *VOLUME)


def looking_up():
    yield one(layers.Embedding(10, 3), 6, dtype="int32")
    yield one(layers.CategoryEncoding(7), 3, dtype="int32")
    yield one(layers.CategoryEncoding(7, output_mode="one_hot"), 1, dtype="int32")
    yield one(layers.CategoryEncoding(7, output_mode="count"), 3, dtype="int32")
    yield one(layers.Discretization([1.0, 2.0]), 3)
    yield one(layers.Discretization([1.0, 2.0], output_mode="one_hot"), 3)
    yield one(layers.Hashing(4), 3, dtype="int32")
    yield one(layers.Hashing(4, output_mode="multi_hot"), 3, dtype="int32")
    yield one(layers.IntegerLookup(vocabulary=[5, 6, 7]), 3, dtype="int64")
    yield one(layers.IntegerLookup(vocabulary=[5, 6, 7], output_mode="one_hot"), 1, dtype="int64")
    yield one(
        layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot"), 3, dtype="string"
    )


def stepping():
    for kind in ("SimpleRNN", "LSTM", "GRU"):
        layer = getattr(layers, kind)
        yield one(layer(5, return_sequences=True))
        yield one(layer(5, use_bias=False))
        yield called(layer(5, return_state=True))
        yield one(layers.RNN(getattr(layers, f"{kind}Cell")(5)))
    yield one(layers.GRU(5, reset_after=False))
    stacked = [layers.LSTMCell(5), layers.GRUCell(3)]
    yield one(layers.RNN(stacked, return_sequences=True))
    yield called(layers.RNN([layers.LSTMCell(5), layers.GRUCell(3)], return_state=True))
    for merge in ("concat", "sum", "ave", "mul", None):
        yield called(layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode=merge))
    back = layers.LSTM(3, return_state=True, go_backwards=True)
    yield called(layers.Bidirectional(layers.LSTM(3, return_state=True), backward_layer=back))
    yield one(layers.TimeDistributed(layers.Conv2D(2, 3)), 3, *IMAGE)
    inner = keras.Sequential([layers.Input((4,)), layers.Dense(3)])
    yield one(layers.TimeDistributed(inner))


def joining():
    for kind in ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"):
        yield two(lambda *pair, kind=kind: getattr(layers, kind)()([*pair]), SEQUENCE)
    yield two(lambda *pair: layers.Add()([*pair]), SEQUENCE, (1, 4))
    yield two(lambda *pair: layers.Concatenate(axis=1)([*pair]), SEQUENCE, (3, 4))
    yield two(lambda *pair: layers.Dot(axes=(1, 2))([*pair]), (9, 4), (3, 9))
    yield two(lambda *pair: layers.Dot(axes=1)([*pair]), (4,))


def attending():
    for layer in (
        layers.Attention(), layers.Attention(use_scale=True, score_mode="concat"),
        layers.AdditiveAttention(), layers.AdditiveAttention(use_scale=False),
    ):  # fmt: skip
        yield two(lambda *pair, layer=layer: layer([*pair]), (5, 4), (6, 4))
    for options in ({}, {"value_dim": 5, "output_shape": 7, "use_bias": False}, {"use_gate": True}):
        many = layers.MultiHeadAttention(2, 3, **options)
        yield two(lambda a, b, many=many: many(a, value=b, key=b), (5, 4), (6, 3))
    for options in ({}, {"use_bias": False}, {"use_gate": True}):
        grouped = layers.GroupQueryAttention(3, 4, 2, **options)
        yield two(lambda a, b, grouped=grouped: grouped(a, b), (5, 4), (6, 4))
    yield one(layers.EinsumDense("abc,cd->abd", output_shape=(9, 6), bias_axes="d"))
    yield one(layers.EinsumDense("...x,xy->...y", output_shape=6, bias_axes="y"))
    yield one(layers.EinsumDense("abc,cde->abde", output_shape=(9, 2, 5)))


OPERATIONS = (
    lambda x: ops.mean(x, axis=-1),
    lambda x: ops.mean(x, axis=[1, 2], keepdims=True),
    lambda x: ops.max(x, axis=1) - ops.min(x, axis=1),
    lambda x: ops.argmax(x, axis=-1),
    lambda x: ops.argmin(x, axis=-1, keepdims=True),
    lambda x: ops.std(x, axis=1) + ops.var(x, axis=1),
    lambda x: ops.logsumexp(x, axis=-1),
    lambda x: ops.prod(x, axis=1),
    lambda x: ops.reshape(x, (-1, 6, 6)),
    lambda x: ops.transpose(x, (0, 2, 1)),
    lambda x: ops.swapaxes(x, 1, 2),
    lambda x: ops.expand_dims(x, -1),
    lambda x: ops.squeeze(ops.expand_dims(x, 1), 1),
    lambda x: ops.stack([x, x], axis=1),
    lambda x: ops.concatenate([x, x, x], axis=1),
    lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))),
    lambda x: ops.where(x > 0, x, 0.0),
    lambda x: x[:, 1:, ::2],
    lambda x: x[..., 0],
    lambda x: x[:, -1],
    lambda x: x[:, None],
    lambda x: ops.cast(x, "float16"),
    lambda x: ops.round(x, 2) % 2 // 2,
    lambda x: ops.flip(x, 1),
    ops.nan_to_num,
    lambda x: 2.0**x,
    lambda x: x * np.ones((9, 4), "float32"),
    lambda x: ops.gelu(ops.hard_silu(x), approximate=False),
    lambda x: ops.arctan2(x, x),
    lambda x: ops.clip(ops.leaky_relu(x), 0, 1),
    lambda x: ops.erf(ops.rsqrt(x)),
    lambda x: ops.stop_gradient(ops.log_softmax(x)),
    lambda x: ops.logical_not(ops.equal(x, 1.0)),
)


def graphs():
    for function in OPERATIONS:
        yield called(function)
    open_input = layers.Input((None, 4))
    inner = keras.Model(open_input, layers.Dense(3)(open_input))
    yield two(lambda a, b: [inner(a), inner(b)], SEQUENCE)
    base = keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(2)])
    yield keras.Model(base.inputs, base.layers[0].output)
    again = keras.Sequential([layers.Input((4,)), layers.Dense(4)])
    yield called(lambda x: again(again(again(x))), 4)
    late = keras.Sequential([layers.Dense(3), layers.Dense(2)])
    late.build((None, 4))
    yield late


def models():
    for family in (
        sliding, stretching, plain, looking_up, stepping, joining, attending, graphs,
    ):  # fmt: skip
        for index, model in enumerate(family()):
            yield f"{family.__name__} {index}", model
