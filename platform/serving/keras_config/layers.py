"""The layers that may be named, with the arguments that each may have.

"+kernel" stands for kernel_initializer, kernel_regularizer and kernel_constraint. The lists are
those that Keras 3.15 writes; older versions write fewer. Nothing that changes a layer's size
unseen is here: no lora_rank, no input_shape, and quantization_config only as null.
"""

from __future__ import annotations

COMMON = ("name", "trainable", "dtype", "activity_regularizer")
_CONV = "kernel_size strides padding data_format dilation_rate activation use_bias +bias"
_POOL = "pool_size padding strides data_format"
_RNN = "return_sequences return_state go_backwards stateful unroll zero_output_for_mask"
_CELL = "units activation use_bias +kernel +recurrent +bias dropout recurrent_dropout seed"
_CONV_LSTM = (
    f"{_RNN} filters {_CONV} recurrent_activation +kernel +recurrent unit_forget_bias "
    "dropout recurrent_dropout seed"
)
_RANDOM = "data_format seed factor fill_mode fill_value interpolation"
_LOOKUP = (
    "invert max_tokens num_oov_indices oov_token mask_token output_mode sparse pad_to_max_tokens "
    "idf_weights vocabulary vocabulary_size oov_method salt"
)
_ATTENTION = "use_bias use_gate sliding_window flash_attention dropout +kernel +bias seed"

_ARGUMENTS = {
    "Activation": "activation",
    "ActivityRegularization": "l1 l2",
    "AdaptiveAveragePooling1D": "output_size data_format",
    "AdaptiveAveragePooling2D": "output_size data_format",
    "AdaptiveAveragePooling3D": "output_size data_format",
    "AdaptiveMaxPooling1D": "output_size data_format",
    "AdaptiveMaxPooling2D": "output_size data_format",
    "AdaptiveMaxPooling3D": "output_size data_format",
    "Add": "",
    "AdditiveAttention": "use_scale dropout seed",
    "AlphaDropout": "rate seed noise_shape",
    "Attention": "use_scale score_mode dropout seed",
    "Average": "",
    "AveragePooling1D": _POOL,
    "AveragePooling2D": _POOL,
    "AveragePooling3D": _POOL,
    "BatchNormalization": (
        "axis momentum epsilon center scale +beta +gamma moving_mean_initializer "
        "moving_variance_initializer synchronized renorm renorm_clipping renorm_momentum"
    ),
    "Bidirectional": "merge_mode layer backward_layer",
    "CategoryEncoding": "num_tokens output_mode sparse",
    "CenterCrop": "data_format height width",
    "Concatenate": "axis",
    "Conv1D": f"filters {_CONV} +kernel groups",
    "Conv1DTranspose": f"filters {_CONV} +kernel output_padding",
    "Conv2D": f"filters {_CONV} +kernel groups",
    "Conv2DTranspose": f"filters {_CONV} +kernel output_padding",
    "Conv3D": f"filters {_CONV} +kernel groups",
    "Conv3DTranspose": f"filters {_CONV} +kernel output_padding",
    "ConvLSTM1D": _CONV_LSTM,
    "ConvLSTM2D": _CONV_LSTM,
    "ConvLSTM3D": _CONV_LSTM,
    "Cropping1D": "cropping",
    "Cropping2D": "cropping data_format",
    "Cropping3D": "cropping data_format",
    "Dense": "units activation use_bias +kernel +bias quantization_config",
    "DepthwiseConv1D": f"depth_multiplier {_CONV} +depthwise",
    "DepthwiseConv2D": f"depth_multiplier {_CONV} +depthwise",
    "Discretization": "bin_boundaries num_bins epsilon output_mode sparse",
    "Dot": "axes normalize",
    "Dropout": "rate seed noise_shape",
    "ELU": "alpha",
    "EinsumDense": ("output_shape equation activation bias_axes +kernel +bias quantization_config"),
    "Embedding": "input_dim output_dim +embeddings mask_zero quantization_config",
    "Flatten": "data_format",
    "GRU": f"{_RNN} {_CELL} recurrent_activation reset_after",
    "GRUCell": f"{_CELL} recurrent_activation reset_after",
    "GaussianDropout": "rate seed",
    "GaussianNoise": "stddev seed",
    "GlobalAveragePooling1D": "data_format keepdims",
    "GlobalAveragePooling2D": "data_format keepdims",
    "GlobalAveragePooling3D": "data_format keepdims",
    "GlobalMaxPooling1D": "data_format keepdims",
    "GlobalMaxPooling2D": "data_format keepdims",
    "GlobalMaxPooling3D": "data_format keepdims",
    "GroupNormalization": "groups axis epsilon center scale +beta +gamma",
    "GroupQueryAttention": f"head_dim num_query_heads num_key_value_heads {_ATTENTION}",
    "Hashing": "num_bins salt mask_value output_mode sparse",
    "Identity": "",
    "InputLayer": "batch_shape sparse ragged optional",
    "IntegerLookup": f"{_LOOKUP} vocabulary_dtype",
    "LSTM": f"{_RNN} {_CELL} recurrent_activation unit_forget_bias",
    "LSTMCell": f"{_CELL} recurrent_activation unit_forget_bias",
    "LayerNormalization": "axis epsilon center scale rms_scaling +beta +gamma",
    "LeakyReLU": "negative_slope",
    "Masking": "mask_value",
    "MaxPooling1D": _POOL,
    "MaxPooling2D": _POOL,
    "MaxPooling3D": _POOL,
    "Maximum": "",
    "Minimum": "",
    "MultiHeadAttention": f"num_heads key_dim value_dim output_shape attention_axes {_ATTENTION}",
    "Multiply": "",
    "Normalization": "axis invert mean variance",
    "PReLU": "+alpha shared_axes",
    "Permute": "dims",
    "RMSNormalization": "axis epsilon",
    "RNN": f"{_RNN} cell",
    "RandomBrightness": "data_format factor value_range seed",
    "RandomContrast": "data_format factor value_range seed",
    "RandomFlip": "data_format seed mode",
    "RandomRotation": _RANDOM,
    "RandomTranslation": f"{_RANDOM} height_factor width_factor",
    "RandomZoom": f"{_RANDOM} height_factor width_factor",
    "ReLU": "max_value negative_slope threshold",
    "RepeatVector": "n",
    "Rescaling": "scale offset",
    "Reshape": "target_shape",
    "Resizing": (
        "data_format height width interpolation crop_to_aspect_ratio pad_to_aspect_ratio "
        "fill_mode fill_value antialias"
    ),
    "SeparableConv1D": f"filters depth_multiplier {_CONV} +depthwise +pointwise",
    "SeparableConv2D": f"filters depth_multiplier {_CONV} +depthwise +pointwise",
    "SimpleRNN": f"{_RNN} {_CELL}",
    "SimpleRNNCell": _CELL,
    "Softmax": "axis",
    "SpatialDropout1D": "rate seed",
    "SpatialDropout2D": "rate seed data_format",
    "SpatialDropout3D": "rate seed data_format",
    "StackedRNNCells": "cells",
    "StringLookup": f"{_LOOKUP} encoding",
    "Subtract": "",
    "TimeDistributed": "layer",
    "UnitNormalization": "axis",
    "UpSampling1D": "size",
    "UpSampling2D": "size data_format interpolation",
    "UpSampling3D": "size data_format",
    "ZeroPadding1D": "padding data_format",
    "ZeroPadding2D": "padding data_format",
    "ZeroPadding3D": "padding data_format",
}


def _spelled_out(words: str) -> frozenset[str]:
    names: set[str] = set()
    for word in words.split():
        if word.startswith("+"):
            parts = ("initializer", "regularizer", "constraint")
            names.update(f"{word[1:]}_{part}" for part in parts)
        else:
            names.add(word)
    return frozenset(names)


LAYERS = {name: _spelled_out(words) | set(COMMON) for name, words in _ARGUMENTS.items()}
CELLS = frozenset({"GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"})
"""Layers that only an RNN calls."""
MODELS = {
    "Functional": frozenset({"name", "trainable", "layers", "input_layers", "output_layers"}),
    "Sequential": frozenset({"name", "trainable", "dtype", "layers", "build_input_shape"}),
}
