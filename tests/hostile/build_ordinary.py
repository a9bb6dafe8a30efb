"""Builds the ordinary models that must get through, in a process of its own.

    python build_ordinary.py DIRECTORY

writes NAME.keras for each, with NAME.npz: some rows of each input and what Keras itself answers
to them. The weights are random and the same in each run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

ROWS = 5


def mlp():
    return keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(16, activation="relu", kernel_initializer="he_normal"),
            layers.Dropout(0.3),
            layers.Dense(8, activation="gelu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def cnn():
    return keras.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def lstm():
    return keras.Sequential(
        [
            layers.Input((6, 3)),
            layers.LSTM(5, return_sequences=True),
            layers.LSTM(4),
            layers.Dense(1),
        ]
    )


def bidirectional_gru():
    return keras.Sequential(
        [
            layers.Input((5, 2)),
            layers.Bidirectional(layers.GRU(4, return_sequences=True)),
            layers.Bidirectional(layers.GRU(3), merge_mode="sum"),
            layers.Dense(2, activation="softmax"),
        ]
    )


def embedding():
    tokens = layers.Input((7,), dtype="int32", name="tokens")
    hidden = layers.Embedding(50, 6)(tokens)
    hidden = layers.Conv1D(8, 3, activation="relu")(hidden)
    hidden = layers.GlobalMaxPooling1D()(hidden)
    return keras.Model(tokens, layers.Dense(1, activation="sigmoid")(hidden))


def several_inputs():
    numbers = layers.Input((3,), name="numbers")
    month = layers.Input((1,), dtype="int32", name="month")
    image = layers.Input((4, 4, 1), name="image")
    joined = layers.Concatenate()(
        [
            layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0])(numbers),
            layers.Flatten()(layers.Embedding(12, 2)(month)),
            layers.Flatten()(layers.Conv2D(2, 3)(image)),
        ]
    )
    return keras.Model([numbers, month, image], layers.Dense(1)(joined))


def several_outputs():
    inputs = layers.Input((4,), name="inputs")
    hidden = layers.Dense(6, activation="selu", kernel_initializer="lecun_normal")(inputs)
    return keras.Model(
        inputs,
        {
            "buys": layers.Dense(1, activation="sigmoid", name="buys")(hidden),
            "basket": layers.Dense(3, activation="softmax", name="basket")(hidden),
        },
    )


def attention():
    sequence = layers.Input((6, 8), name="sequence")
    attended = layers.MultiHeadAttention(num_heads=2, key_dim=4, dropout=0.1)(sequence, sequence)
    hidden = layers.LayerNormalization()(layers.Add()([sequence, attended]))
    fed = layers.Dense(8)(layers.Dense(16, activation="gelu")(hidden))
    hidden = layers.LayerNormalization()(hidden + fed)
    return keras.Model(sequence, layers.Dense(1)(layers.GlobalAveragePooling1D()(hidden)))


def nested():
    encoder = keras.Sequential(
        [layers.Input((4,)), layers.Dense(5, activation="tanh"), layers.Dense(3)], name="encoder"
    )
    inner = layers.Input((3,))
    head = keras.Model(inner, layers.Dense(2, activation="softmax")(inner), name="head")
    inputs = layers.Input((4,), name="inputs")
    return keras.Model(inputs, head(encoder(inputs)))


def normalisation():
    inputs = layers.Input((8,), name="inputs")
    scaling = layers.Normalization()
    scaling.adapt(np.random.default_rng(1).normal(3, 2, (64, 8)).astype("float32"))
    hidden = layers.BatchNormalization()(layers.Dense(8)(scaling(inputs)))
    hidden = layers.LayerNormalization()(layers.ReLU()(hidden))
    hidden = layers.GroupNormalization(groups=4)(hidden)
    return keras.Model(inputs, layers.Dense(1)(layers.UnitNormalization()(hidden)))


def separable():
    return keras.Sequential(
        [
            layers.Input((10, 10, 3)),
            layers.SeparableConv2D(6, 3, padding="same", depth_multiplier=2),
            layers.PReLU(shared_axes=[1, 2]),
            layers.AveragePooling2D(2),
            layers.SpatialDropout2D(0.2),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )


def skip_connections():
    inputs = layers.Input((8, 8, 4), name="inputs")
    hidden = inputs
    for _ in range(3):
        branch = layers.Conv2D(4, 3, padding="same", use_bias=False)(hidden)
        branch = layers.BatchNormalization()(branch)
        hidden = layers.Activation("relu")(layers.Add()([hidden, branch]))
    return keras.Model(inputs, layers.Dense(2)(layers.GlobalMaxPooling2D()(hidden)))


def mobilenet_like():
    """The inverted residuals of MobileNetV2, the real thing at a fraction of its width."""
    return keras.applications.MobileNetV2(
        input_shape=(32, 32, 3), alpha=0.35, weights=None, classes=4
    )


def own_operations():
    left = layers.Input((4,), name="left")
    right = layers.Input((4,), name="right")
    mixed = ops.concatenate([left * 2.0, ops.tanh(right) - 1.0, ops.abs(left[:, :2])], axis=-1)
    weighted = ops.sum(mixed * ops.softmax(mixed), axis=-1, keepdims=True)
    scaled = ops.clip(ops.square(weighted) / 3.0, 0.0, 10.0)
    return keras.Model([left, right], ops.sqrt(ops.maximum(scaled, 0.01)) + ops.exp(-scaled))


def twins():
    shared = keras.Sequential([layers.Input((5,)), layers.Dense(4, activation="tanh")])
    one, other = layers.Input((5,), name="one"), layers.Input((5,), name="other")
    distance = layers.Dot(axes=1, normalize=True)([shared(one), shared(other)])
    return keras.Model([one, other], distance)


def autoencoder():
    return keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.ZeroPadding2D(2),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="elu"),
            layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"),
            layers.Cropping2D(2),
            layers.MaxPooling2D(2),
            layers.UpSampling2D(2, interpolation="bilinear"),
            layers.Conv2D(1, 1, activation="sigmoid"),
        ]
    )


def sequence_to_sequence():
    return keras.Sequential(
        [
            layers.Input((5, 3)),
            layers.Masking(),
            layers.SimpleRNN(4),
            layers.RepeatVector(4),
            layers.GRU(4, return_sequences=True),
            layers.TimeDistributed(layers.Dense(2, activation="softplus")),
        ]
    )


def regularised():
    return keras.Sequential(
        [
            layers.Input((6,)),
            layers.GaussianNoise(0.1),
            layers.Dense(
                8,
                activation="leaky_relu",
                kernel_regularizer=keras.regularizers.L1L2(1e-4, 1e-4),
                bias_regularizer="l2",
                kernel_constraint=keras.constraints.MaxNorm(3),
                activity_regularizer=keras.regularizers.L2(1e-5),
                kernel_initializer=keras.initializers.Orthogonal(gain=0.5),
            ),
            layers.LeakyReLU(negative_slope=0.1),
            layers.AlphaDropout(0.1),
            layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(stddev=0.2)),
        ]
    )


def time_series():
    return keras.Sequential(
        [
            layers.Input((16, 2)),
            layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu"),
            layers.DepthwiseConv1D(3, padding="same"),
            layers.AveragePooling1D(2),
            layers.SeparableConv1D(6, 3),
            layers.Reshape((-1,)),
            layers.Dense(3),
        ]
    )


def wide_and_deep():
    numbers = layers.Input((4,), name="numbers")
    code = layers.Input((1,), dtype="int32", name="code")
    deep = layers.Dense(8, activation=keras.activations.relu6)(numbers)
    wide = layers.CategoryEncoding(num_tokens=10, output_mode="one_hot")(code)
    joined = layers.Concatenate()([deep, wide])
    return keras.Model([numbers, code], layers.Dense(1, activation="sigmoid")(joined))


def token_attention():
    tokens = layers.Input((6,), dtype="int32", name="tokens")
    keys = layers.Embedding(30, 8)(tokens)
    found = layers.Attention(use_scale=True)([keys, keys])
    also = layers.AdditiveAttention()([keys, keys])
    pooled = layers.GlobalAveragePooling1D()(layers.Average()([found, also]))
    return keras.Model(tokens, layers.Dense(2, activation="softmax")(pooled))


def compiled():
    """As most models come: fitted, with an optimizer and a loss."""
    model = keras.Sequential([layers.Input((3,)), layers.Dense(4, "relu"), layers.Dense(1)])
    model.compile("adam", loss="mse", metrics=["mae"])
    rows = np.random.default_rng(2).normal(size=(16, 3)).astype("float32")
    model.fit(rows, rows.sum(axis=1), epochs=1, verbose=0)
    return model


MODELS = (
    mlp, cnn, lstm, bidirectional_gru, embedding, several_inputs, several_outputs, attention,
    nested, normalisation, separable, skip_connections, mobilenet_like, own_operations, twins,
    autoencoder, sequence_to_sequence, regularised, time_series, wide_and_deep, token_attention,
    compiled,
)  # fmt: skip


def rows_of(tensor, generator):
    """Small whole numbers do as a category, as a token and as a number."""
    return generator.integers(0, 4, (ROWS, *tensor.shape[1:])).astype(tensor.dtype)


def main(directory):
    generator = np.random.default_rng(3)
    for build in MODELS:
        keras.utils.set_random_seed(11)
        model = build()
        rows = {tensor.name: rows_of(tensor, generator) for tensor in model.inputs}
        answers = model(list(rows.values()) if len(rows) > 1 else next(iter(rows.values())))
        if not isinstance(answers, dict):
            answers = {"output": answers}
        model.save(directory / f"{build.__name__}.keras")
        np.savez(
            directory / f"{build.__name__}.npz",
            parameters=model.count_params(),
            **{f"in:{name}": array for name, array in rows.items()},
            **{f"out:{name}": np.asarray(array) for name, array in answers.items()},
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
