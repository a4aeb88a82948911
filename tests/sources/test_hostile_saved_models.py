"""A SavedModel's graphs and layers are read before TensorFlow opens it: some of what is in them runs as soon as it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import ModelError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import load_model
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.saved_model import check_saved_model
from tests.sources.conftest import MakeProject
from tests.sources.hostile import plain

QUIET = SilentProgress()


def refused(project: MakeProject, cache: Cache) -> ModelError:
    with pytest.raises(ModelError) as error:
        load_model(project(model="saved"), cache, QUIET)
    assert "\n" not in str(error.value)
    assert error.value.hint
    return error.value


def change_graph(folder: Path, change: Callable[[Any], object]) -> None:
    """Change the graph of the SavedModel in `folder`."""
    from tensorflow.core.protobuf import saved_model_pb2

    file = folder / "saved_model.pb"
    stored = saved_model_pb2.SavedModel()
    stored.ParseFromString(file.read_bytes())
    change(stored.meta_graphs[0])
    file.write_bytes(stored.SerializeToString())


def test_what_runs_when_a_saved_model_is_opened_may_not_write(folder: Path, cache: Cache, project: MakeProject) -> None:
    """A resource's initialisation is a function of the graph that TensorFlow calls by itself."""
    keras = import_tf_keras()
    import tensorflow as tf

    trace = folder / "written"

    class Planted(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]
        def _create_resource(self) -> Any:
            return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[], shared_name="planted")

        def _initialize(self) -> None:
            tf.io.write_file(str(trace), "text")

    model = plain(keras)
    model.planted = Planted()
    assert model.planted.resource_handle is not None
    model.save(folder / "saved", save_format="tf")
    trace.unlink(missing_ok=True)
    error = refused(project, cache)
    assert not trace.exists()
    assert (error.code, "operator WriteFile" in str(error), "trust = true" in error.hint) == ("EP-237", True, True)
    with pytest.raises(ModelError) as trusted:
        load_model(project(model="saved", trust=True), cache, QUIET)
    assert not trace.exists()
    assert (trusted.value.code, "denied" in str(trusted.value)) == ("EP-241", True), str(trusted.value)


@pytest.mark.parametrize(
    "operator", ["PyFunc", "EagerPyFunc", "ReadFile", "WriteFile", "ImmutableConst", "PrintV2", "MatchingFiles", "RemoteCall"]
)
@pytest.mark.parametrize("where", ["graph", "function"])
def test_an_operator_that_does_more_than_compute_is_named(
    where: str, operator: str, folder: Path, cache: Cache, project: MakeProject
) -> None:
    plain(import_tf_keras()).save(folder / "saved", save_format="tf")

    def change(graph: Any) -> None:
        place = graph.graph_def.node if where == "graph" else graph.graph_def.library.function[0].node_def
        place.add(name="planted", op=operator)

    change_graph(folder / "saved", change)
    error = refused(project, cache)
    assert (error.code, f"has the operator {operator} (planted)" in str(error)) == ("EP-237", True)


@pytest.mark.parametrize("operator", ["SaveV2", "RestoreV2", "MergeV2Checkpoints"])
def test_saving_belongs_to_functions_that_are_not_part_of_an_object(
    operator: str, folder: Path, cache: Cache, project: MakeProject
) -> None:
    """A function of an object could write over any file with them, directly or through a function it calls."""
    plain(import_tf_keras()).save(folder / "saved", save_format="tf")

    def change(graph: Any) -> None:
        functions = {function.signature.name: function for function in graph.graph_def.library.function}
        outer = next(functions[name] for name in sorted(graph.object_graph_def.concrete_functions) if name in functions)
        inner = graph.graph_def.library.function.add()
        inner.signature.name = "planted"
        inner.node_def.add(name="planted", op=operator)
        call = outer.node_def.add(name="call", op="StatefulPartitionedCall")
        call.attr["f"].func.name = "planted"

    change_graph(folder / "saved", change)
    error = refused(project, cache)
    assert (error.code, operator in str(error)) == ("EP-237", True)


def test_several_graphs_in_one_saved_model_are_refused(folder: Path, cache: Cache, project: MakeProject) -> None:
    """TensorFlow would take it for one of TensorFlow 1, and run the outer graph's initialisation."""
    from tensorflow.core.protobuf import saved_model_pb2

    plain(import_tf_keras()).save(folder / "saved", save_format="tf")
    file = folder / "saved" / "saved_model.pb"
    stored = saved_model_pb2.SavedModel()
    stored.ParseFromString(file.read_bytes())
    stored.meta_graphs.add().CopyFrom(stored.meta_graphs[0])
    file.write_bytes(stored.SerializeToString())
    assert refused(project, cache).code == "EP-225"


@pytest.mark.parametrize("spelling", [rb'"\u004cambda"', rb'"Lambd\u0061"', b'"Lambda" '])
def test_a_lambda_is_found_however_its_name_is_spelled(spelling: bytes, folder: Path, cache: Cache, project: MakeProject) -> None:
    from tf_keras.protobuf import saved_metadata_pb2

    keras = import_tf_keras()
    trace = folder / "it ran"
    path = str(trace)
    start = keras.Input((4,))
    hidden = keras.layers.Lambda(lambda x: (open(path, "w"), x * 2)[1], name="my_lambda")  # noqa: SIM115
    keras.Model(start, keras.layers.Dense(2)(hidden(start))).save(folder / "saved", save_format="tf")
    file = folder / "saved" / "keras_metadata.pb"
    stored = saved_metadata_pb2.SavedMetadata()
    stored.ParseFromString(file.read_bytes())
    for node in stored.nodes:
        node.metadata = node.metadata.replace('"Lambda"', spelling.decode()).replace('"config": {"name"', '"config":{ "name"')
    file.write_bytes(stored.SerializeToString())
    trace.unlink(missing_ok=True)
    error = refused(project, cache)
    assert (error.code, "my_lambda" in str(error), trace.exists()) == ("EP-223", True, False)


def test_metadata_within_the_graph_is_read_too(folder: Path, cache: Cache, project: MakeProject) -> None:
    """Where TensorFlow before 2.5 kept it."""
    plain(import_tf_keras()).save(folder / "saved", save_format="tf")
    (folder / "saved" / "keras_metadata.pb").unlink()

    def change(graph: Any) -> None:
        node = graph.object_graph_def.nodes[1]
        node.user_object.identifier = "_tf_keras_layer"
        node.user_object.metadata = '{"name": "hidden", "class_name": "\\u004cambda", "config": {"name": "hidden"}}'

    change_graph(folder / "saved", change)
    error = refused(project, cache)
    assert (error.code, "hidden" in str(error)) == ("EP-223", True)


def test_what_keras_itself_saves_is_within_the_lists(tmp_path: Path) -> None:
    """Convolutions, normalisation, recurrent layers in while loops, attention, functions, and training's leftovers."""
    keras = import_tf_keras()
    import tensorflow as tf

    layers = keras.layers
    start = keras.Input((12, 8))
    x = layers.Bidirectional(layers.GRU(4, return_sequences=True))(start)
    x = layers.LSTM(4, return_sequences=True, unroll=False)(x)
    x = layers.TimeDistributed(layers.Dense(4, activation="gelu", kernel_regularizer="l2"))(x)
    x = layers.MultiHeadAttention(2, 4)(x, x)
    x = layers.RNN(layers.StackedRNNCells([layers.SimpleRNNCell(3), layers.GRUCell(4)]), return_sequences=True)(x)
    x = layers.LayerNormalization()(tf.nn.relu6(x[:, 1:, ::2] * 0.5))
    x = layers.Conv1DTranspose(4, 3, strides=2)(layers.SeparableConv1D(4, 3)(layers.GaussianNoise(0.1)(x)))
    x = layers.Dropout(0.3)(layers.BatchNormalization()(tf.concat([x, tf.math.square(x)], axis=-1)))
    image = layers.Reshape((4, 4, 8))(layers.Dense(128)(layers.Flatten()(x)))
    image = layers.RandomFlip()(layers.Resizing(8, 8)(layers.UpSampling2D(interpolation="bilinear")(image)))
    y = layers.GlobalAveragePooling2D()(layers.DepthwiseConv2D(3, depthwise_constraint="unit_norm")(image))
    model = keras.Model(start, layers.Dense(2, activation="softmax")(y))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy", keras.metrics.Precision(class_id=0)])
    model.save(tmp_path / "saved", save_format="tf")
    check_saved_model(tmp_path / "saved", {})
