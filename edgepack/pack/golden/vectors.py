"""Golden vectors: inputs with the reference kernels' exact outputs, carried by the pack and run again on the device.

golden.json describes them; input_<i>.bin and output_<i>.bin hold the tensors, raw and little-endian, one vector after the
other. Vectors are run in this order without a reset between them, which matters to models with streaming state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgepack.flatbuffer import Model, tensor_facts
from edgepack.flatbuffer.model import Array
from edgepack.ground.errors import ModelError
from edgepack.ground.files import canonical_json
from edgepack.ground.foreign import parse_json, read_regular
from edgepack.pack.golden.inputs import GoldenInputs
from edgepack.pack.golden.reference import reference_outputs
from edgepack.runners import dequantize, quantize

_LARGEST = 16 << 20  # bytes of golden.json


@dataclass(frozen=True)
class GoldenTensor:
    """An input or output of the model; `bytes` is one vector's share of `file`.

    Scale and zero point are None for a tensor that is not quantized.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None
    file: str
    bytes: int

    @property
    def vector_shape(self) -> tuple[int, ...]:
        """Its shape without a leading 1, the batch of one."""
        return self.shape[1:] if self.shape[:1] == (1,) else self.shape

    def encode(self, values: Array) -> Array:
        """Real values as the model stores them; of a tensor that is not quantized, in its type."""
        return quantize(values, self.scale or 0.0, self.zero_point or 0, self.dtype)

    def decode(self, values: Array) -> Array:
        """Stored values as the real ones they stand for."""
        return dequantize(values, self.scale or 0.0, self.zero_point or 0)


@dataclass(frozen=True)
class Golden:
    """The golden vectors in `folder`: `count` of them, whose outputs `engine` (of package version `engine_version`) made.

    `origins` tells for each vector where its inputs come from.
    """

    folder: Path
    count: int
    inputs: tuple[GoldenTensor, ...]
    outputs: tuple[GoldenTensor, ...]
    origins: tuple[str, ...]
    engine: str
    engine_version: str

    def values(self, tensor: GoldenTensor) -> Array:
        """A tensor's vectors as a read-only array of shape (count, *tensor shape)."""
        flat = np.fromfile(self.folder / tensor.file, np.dtype(tensor.dtype).newbyteorder("<"))
        return flat.reshape((self.count, *tensor.shape))


def write_golden(folder: Path, model: Model, model_file: Path, inputs: GoldenInputs, engines: Sequence[str] = ()) -> None:
    """Run the reference kernels on `inputs` in a worker process and write the vectors to `folder`.

    `engines` are the engines to try; by default those that define the model's bits.

    Raises:
        ModelError: EP-280 to EP-283 when no reference runs the model; ToolError: EP-680, EP-690 when none is installed.
    """
    outputs, engine, version = reference_outputs(model, model_file, inputs.arrays, engines)
    folder.mkdir(parents=True, exist_ok=True)
    graph = model.subgraphs[0]
    tensors: dict[str, list[dict[str, Any]]] = {}
    for kind, indices, arrays in (("input", graph.inputs, inputs.arrays), ("output", graph.outputs, outputs)):
        tensors[kind] = []
        for number, (index, array) in enumerate(zip(indices, arrays, strict=True)):
            tensor, facts = graph.tensors[index], tensor_facts(graph.tensors[index])
            file = f"{kind}_{number}.bin"
            stored = np.ascontiguousarray(array, np.dtype(tensor.dtype).newbyteorder("<"))
            (folder / file).write_bytes(stored.tobytes())
            tensors[kind].append(
                asdict(GoldenTensor(facts.name, facts.shape, facts.dtype, facts.scale, facts.zero_point, file, facts.bytes))
            )
    description = {
        "schema": 1,
        "count": len(inputs.origins),
        "inputs": tensors["input"],
        "outputs": tensors["output"],
        "origins": list(inputs.origins),
        "engine": engine,
        "engine_version": version,
    }
    (folder / "golden.json").write_bytes(canonical_json(description))


def read_golden(folder: Path) -> Golden:
    """The golden vectors that `write_golden` wrote.

    Raises:
        ModelError: EP-251 when the files do not hold what golden.json says.
    """
    try:
        content = parse_json(read_regular(folder / "golden.json", _LARGEST))
        golden = Golden(
            folder=folder,
            count=int(content["count"]),
            inputs=_tensors(content["inputs"]),
            outputs=_tensors(content["outputs"]),
            origins=tuple(map(str, content["origins"])),
            engine=str(content["engine"]),
            engine_version=str(content["engine_version"]),
        )
        for tensor in (*golden.inputs, *golden.outputs):
            if (folder / tensor.file).stat().st_size != golden.count * tensor.bytes:
                raise ValueError(f"{tensor.file} does not hold {golden.count} vectors of {tensor.bytes} bytes")
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise ModelError("EP-251", f"the golden vectors in {folder} cannot be read: {error}", "write the pack again") from error
    return golden


def _tensors(entries: list[dict[str, Any]]) -> tuple[GoldenTensor, ...]:
    tensors = tuple(GoldenTensor(**{**entry, "shape": tuple(map(int, entry["shape"]))}) for entry in entries)
    for tensor in tensors:
        if tensor.file != Path(tensor.file).name:
            raise ValueError(f"{tensor.file} is not the name of a file in it")
        if min(tensor.shape, default=1) < 1 or math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize != tensor.bytes:
            raise ValueError(f"{tensor.name} of shape {tensor.shape}, type {tensor.dtype}, does not take {tensor.bytes} bytes")
    return tensors
