"""Hostile configurations: JSON that is none, sizes that are bombs, graphs that go nowhere."""

from __future__ import annotations

import itertools
import json

from tests.hostile.recipe import (
    GOOD,
    archive,
    changed,
    functional,
    hostile,
    layer,
    node,
    sequential,
    tensor,
)

RANGE = "value_out_of_range"
LARGE = "tensor_too_large"
MANY = "too_many_parameters"
GRAPH = "graph_invalid"
NAME = "layer_name_invalid"


@hostile("config_too_deep", would="overflow the parser's stack")
def two_hundred_thousand_levels(_lures):
    return archive('{"a":' * 200_000 + "1" + "}" * 200_000)


@hostile("config_too_deep", would="overflow the stack of whoever walks it")
def a_hundred_levels(_lures):
    return archive('{"a":' * 100 + "1" + "}" * 100)


@hostile("config_too_large", would="hold as many objects as fit into memory")
def very_many_values(_lures):
    return archive('{"a":[' + "0," * 250_000 + "0]}")


@hostile("config_too_large", would="be parsed for as long as it is")
def three_megabytes(_lures):
    return archive(json.dumps(GOOD) + " " * 3_000_000)


@hostile("config_invalid", would="compare unequal to itself")
def not_a_number(_lures):
    return archive(json.dumps(sequential(layer(rate=float("nan")))))


@hostile("config_invalid", would="be no size at all")
def infinity(_lures):
    return archive(json.dumps(sequential(layer(units=float("inf")))))


@hostile(RANGE, would="be infinite, in valid JSON")
def a_float_that_overflows(_lures):
    config = sequential(layer("Dropout", name="d", rate=0.123))
    return archive(json.dumps(config).replace("0.123", "1e400"))


@hostile(RANGE, would="take a processor for minutes when it is printed")
def a_number_of_four_thousand_digits(_lures):
    return archive(json.dumps(sequential(layer(units=77))).replace("77", "7" * 4_000))


@hostile("config_invalid", would="be indexed by name and fail in a way of its own")
def a_list(_lures):
    return archive("[]")


@hostile("config_invalid", would="fail in yet another way")
def nothing(_lures):
    return archive("")


@hostile("config_invalid", would="break whatever stores it: it has half of a surrogate pair")
def half_a_surrogate_pair(_lures):
    return archive(json.dumps(GOOD).replace("linear", "\\ud800"))


@hostile("config_invalid", would="end at the NUL in C")
def a_nul(_lures):
    return archive(json.dumps(GOOD).replace("linear", "linear\\u0000"))


@hostile("config_invalid", would="be read as bytes by one and as text by another")
def not_utf8(_lures):
    return archive(json.dumps(GOOD).encode().replace(b"linear", b"lin\xffear"))


@hostile("config_invalid", would="show a checker the first value and the loader the last")
def a_key_twice(_lures):
    text = json.dumps(GOOD)
    return archive(
        text.replace('"class_name": "Dense"', '"class_name": "Dense", "class_name": "Lambda"')
    )


@hostile("root_not_a_model", would="load, as something without a predict")
def an_optimizer(_lures):
    return archive(layer("Adam", "keras.optimizers", name="adam"))


@hostile("root_not_a_model", would="load, as a layer")
def a_layer(_lures):
    return archive(layer())


@hostile("root_not_a_model", would="need a class that is not in the file")
def a_subclassed_model(_lures):
    return archive(layer("MyModel", "my_package.models", name="m"))


@hostile("root_not_a_model", would="be read by the legacy loader, which checks less")
def a_model_without_a_module(_lures):
    return archive({"class_name": "Sequential", "config": GOOD["config"]})


@hostile("too_many_layers", would="take a minute and a half to load")
def five_thousand_layers(_lures):
    layers = [layer(name=f"d{number}") for number in range(5_000)]
    return archive(sequential(*layers))


@hostile("too_many_layers", would="multiply: models of models of models, each called twice")
def a_billion_laughs(_lures):
    model = functional(node(layer(units=3), tensor("inputs")), output="dense")
    for number in range(9):
        inner = model | {"config": model["config"] | {"name": f"m{number}"}}
        called = node(inner, tensor("inputs"), tensor(f"m{number}"), tensor(f"m{number}", 1))
        model = functional(called, output=f"m{number}")
    return archive(model)


def units(value):
    return archive(sequential(layer(units=value)))


@hostile(RANGE, would="stall ten seconds and then fail to allocate 12 GB")
def a_billion_units(_lures):
    return units(10**9)


@hostile(RANGE, would="fail to allocate 12 TB")
def a_trillion_units(_lures):
    return units(10**12)


@hostile(RANGE, would="be a shape that nobody checked")
def units_below_zero(_lures):
    return units(-1)


@hostile(RANGE, would="count as one")
def units_that_are_true(_lures):
    return units(True)


@hostile(RANGE, would="be rounded by whoever takes it")
def units_as_a_float(_lures):
    return units(1e9)


@hostile(RANGE, "value_not_allowed", would="be converted, or be repeated")
def units_as_text(_lures):
    return units("1000000000")


@hostile(MANY, would="fail to allocate 4 TB although each number is small")
def units_times_units(_lures):
    return archive(sequential(layer(units=2**20), layer(name="d2", units=2**20)))


@hostile(RANGE, would="overflow 32 bits")
def an_embedding_of_billions(_lures):
    return archive(sequential(layer("Embedding", name="e", input_dim=2**31, output_dim=4_096)))


@hostile(MANY, would="fail to allocate 16 GB")
def an_embedding_within_the_numbers(_lures):
    return archive(sequential(layer("Embedding", name="e", input_dim=2**20, output_dim=4_096)))


@hostile(RANGE, would="load, and fail at the first prediction")
def repeats_a_billion_times(_lures):
    return archive(sequential(layer("RepeatVector", name="r", n=10**9)))


@hostile(LARGE, would="load, and take 12 MB a row and layer after layer")
def repeats_a_million_times_twice(_lures):
    again = layer("RepeatVector", name="r", n=2**20)
    return archive(sequential(again, layer("UpSampling1D", name="u", size=2**10)))


@hostile(LARGE, would="blow an image up to 10,000 times its sides")
def scales_up(_lures):
    scaled = layer("UpSampling2D", name="u", size=[10_000, 10_000])
    return archive(sequential(scaled, shape=(4, 4, 1)))


@hostile(RANGE, would="pad a sequence with a hundred million zeros")
def pads(_lures):
    padded = layer("ZeroPadding1D", name="z", padding=10**8)
    return archive(sequential(padded, shape=(4, 2)))


@hostile(LARGE, would="pad an image to a million by a million")
def pads_within_the_numbers(_lures):
    padded = layer("ZeroPadding2D", name="z", padding=[[2**19, 2**19], [2**19, 2**19]])
    return archive(sequential(padded, shape=(4, 4, 1)))


@hostile(LARGE, would="stretch by its strides")
def transposed_convolution_of_great_strides(_lures):
    wide = layer("Conv2DTranspose", name="c", filters=1, kernel_size=1, strides=[9_000, 9_000])
    return archive(sequential(wide, shape=(4, 4, 1)))


@hostile(LARGE, would="compare each of 60,000 steps with each")
def attention_over_very_many_steps(_lures):
    attention = layer("MultiHeadAttention", name="a", num_heads=1, key_dim=1)
    source = tensor("inputs", shape=(None, 60_000, 1))
    call = {"args": [source, source], "kwargs": {}}
    entry = attention | {"name": "a", "inbound_nodes": [call]}
    return archive(functional(entry, output="a", shape=(60_000, 1)))


@hostile(LARGE, would="multiply a column with a row")
def matrix_product_of_a_column_and_a_row(_lures):
    column = node(layer("ExpandDims", "keras.src.ops.numpy", axis=2), tensor("inputs"), name="c")
    row = node(layer("ExpandDims", "keras.src.ops.numpy", axis=1), tensor("inputs"), name="r")
    product = layer("Matmul", "keras.src.ops.numpy", name="m")
    call = {"args": [tensor("c"), tensor("r")], "kwargs": {}}
    product |= {"name": "m", "inbound_nodes": [call]}
    return archive(functional(column, row, product, output="m", shape=(2**16,)))


@hostile(RANGE, would="write each of a hundred thousand steps into the graph")
def unrolls_a_long_sequence(_lures):
    unrolled = layer("LSTM", name="l", units=1, unroll=True)
    return archive(sequential(unrolled, shape=(100_000, 1)))


@hostile(RANGE, would="ask each caller for a billion numbers")
def an_input_of_billions(_lures):
    return archive(sequential(layer(), shape=(10**9,)))


@hostile(LARGE, would="ask each caller for a billion numbers, in three factors")
def an_input_within_the_numbers(_lures):
    return archive(sequential(layer(), shape=(2**10, 2**10, 2**10)))


@hostile(RANGE, would="build the layer with another shape than it is called with")
def built_with_billions(_lures):
    return archive(sequential(layer() | {"build_config": {"input_shape": [None, 10**9]}}))


@hostile(MANY, would="allocate for a shape that it is never called with")
def built_within_the_numbers(_lures):
    built = {"build_config": {"input_shape": [None, 2**20]}}
    return archive(sequential(layer(units=2**10) | built))


@hostile(MANY, would="allocate inside a wrapper, for a shape that nobody asked for")
def built_inside_a_wrapper(_lures):
    wrapper = layer("TimeDistributed", name="t", layer=layer(units=2**10))
    built = {"build_config": {"input_shape": [None, 1, 2**20]}}
    return archive(sequential(wrapper | built, shape=(1, 3)))


@hostile(MANY, would="allocate in the cell of a layer that looks small")
def built_as_a_cell(_lures):
    cell = layer("LSTMCell", name="cell", units=2**8)
    cell |= {"build_config": {"input_shape": [None, 2**20]}}
    return archive(sequential(layer("RNN", name="rnn", cell=cell), shape=(2, 3)))


@hostile(GRAPH, would="build a nested model with another shape than it is called with")
def nested_model_built_with_another_shape(_lures):
    inner = sequential(layer(units=2**10))
    inner["config"] |= {"name": "inner", "build_input_shape": [None, 2**20]}
    del inner["config"]["layers"][0]
    return archive(sequential(inner))


@hostile("too_many_layers", would="be measured two ways at each of twenty levels: a million times")
def wrappers_within_wrappers(_lures):
    wrapped, shape = layer(units=1), [3]
    for number in range(18):
        shape = [1, *shape]
        wrapped = layer("TimeDistributed", name=f"t{number}", layer=wrapped)
        wrapped |= {"build_config": {"input_shape": [None, *shape]}}
    return archive(sequential(wrapped, shape=shape))


@hostile("member_unknown", would="slip an Input of its own before the layer")
def a_shape_among_the_arguments(_lures):
    return archive(sequential(layer(input_shape=[2**20])))


@hostile("member_unknown", would="allocate two further matrices of any rank")
def adapted_by_a_rank(_lures):
    return archive(sequential(layer(lora_rank=2**20)))


@hostile("value_not_allowed", would="build a layer of another size than it says")
def a_quantised_layer(_lures):
    return archive(sequential(layer(quantization_config={"bits": 4})))


@hostile("member_unknown", would="be read by a loader of a later version")
def an_unknown_member_beside_a_class(_lures):
    return archive(sequential(layer() | {"evil": {"call": "this"}}))


def graph(*sources, **entry):
    made = node(layer(), *sources)
    return archive(functional(made | entry, output="dense"))


@hostile(GRAPH, would="never be resolved")
def a_layer_that_feeds_itself(_lures):
    return graph(tensor("dense"))


@hostile(GRAPH, would="never be resolved, and take longer to find out")
def two_layers_that_feed_each_other(_lures):
    one, other = node(layer(), tensor("d2")), node(layer(), tensor("dense"), name="d2")
    return archive(functional(one, other, output="d2"))


@hostile(GRAPH, would="be searched for among all layers of the process")
def fed_by_nobody(_lures):
    return graph(tensor("somebody"))


@hostile(GRAPH, would="take an output that is not there")
def fed_by_a_third_output(_lures):
    return graph(tensor("inputs", 0, 3))


@hostile(GRAPH, would="count from the end")
def fed_by_a_call_before_the_first(_lures):
    return graph(tensor("inputs", -1))


@hostile(GRAPH, would="be read the legacy way, which checks less")
def calls_as_lists(_lures):
    return graph(inbound_nodes=[[["inputs", 0, 0, {}]]])


@hostile(GRAPH, would="take two thousand passes over two thousand layers")
def layers_in_the_wrong_order(_lures):
    names = ["inputs", *(f"d{number}" for number in range(300))]
    nodes = [
        node(layer(units=3), tensor(source), name=name)
        for source, name in itertools.pairwise(names)
    ]
    return archive(functional(*reversed(nodes), output=names[-1]))


@hostile(GRAPH, would="leave open which of the two is meant")
def two_layers_of_one_name(_lures):
    made = node(layer(), tensor("inputs"))
    return archive(functional(made, made, output="dense"))


@hostile(GRAPH, would="be one layer to the checker and another to the loader")
def two_objects_with_one_identity(_lures):
    small = layer() | {"shared_object_id": 1}
    large = layer(name="d2", units=5) | {"shared_object_id": 1}
    return archive(sequential(small, large))


@hostile(GRAPH, would="be inside itself")
def an_object_inside_itself(_lures):
    inner = sequential(layer()) | {"shared_object_id": 1}
    return archive(sequential(inner) | {"shared_object_id": 1})


@hostile(NAME, would="write its weights outside their folder (CVE-2026-12479)")
def a_name_that_climbs(_lures):
    return archive(sequential(layer(name="../../x")))


@hostile(NAME, would="write its weights to a path of its choice")
def an_absolute_name(lures):
    return archive(sequential(layer(name=str(lures.forbidden))))


@hostile(NAME, "config_invalid", would="fill the log")
def a_name_of_a_megabyte(_lures):
    return archive(sequential(layer(name="x" * 1_000_000)))


@hostile(NAME, would="break a terminal, or a page that shows it")
def a_name_with_a_picture(_lures):
    return archive(sequential(layer(name="dense \N{SKULL} <b>")))


@hostile("config_invalid", would="end at the NUL in HDF5")
def a_name_with_a_nul(_lures):
    return archive(sequential(layer(name="dense\0x")))


@hostile("input_shape_unknown", would="take as much memory as a caller likes")
def an_input_of_open_length(_lures):
    return archive(changed(GOOD, "config/layers/0/config/batch_shape", [None, None]))


@hostile(GRAPH, would="mix one caller's rows with another's")
def rows_as_a_dimension(_lures):
    turned = node(
        layer("Transpose", "keras.src.ops.numpy", axes=[1, 0]), tensor("inputs"), name="t"
    )
    summed = node(layer("Flatten", name="f"), tensor("t"))
    return archive(functional(turned, summed, output="f"))


@hostile("output_not_finite", would="answer NaN, which no JSON can say", loads_keras=True)
def a_logarithm_of_nothing(_lures):
    log = node(layer("Log", "keras.src.ops.numpy", name="l"), tensor("dense"))
    return archive(functional(node(layer(activation="relu"), tensor("inputs")), log, output="l"))


@hostile("rows_not_independent", would="answer one caller with another's row", loads_keras=True)
def turns_the_rows_around(_lures):
    turned = node(layer("Flip", "keras.src.ops.numpy", name="f", axis=0), tensor("dense"))
    return archive(functional(node(layer(), tensor("inputs")), turned, output="f"))
