"""The step `prune`: magnitude pruning with TF-MOT (Zhu and Gupta 2017, arXiv:1710.01878)."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edgepack.compress.keras.kernels import Kernel, kernels
from edgepack.compress.keras.models import copy_model, import_tfmot, unfreeze
from edgepack.compress.option_errors import bad_value, contradiction
from edgepack.compress.quantization.int8 import channels_first
from edgepack.compress.select import check_patterns, matches
from edgepack.compress.technique import FineTuning, Names, Share
from edgepack.compress.training.fit import fit
from edgepack.compress.training.loss import choose_loss
from edgepack.compress.weights.blocks import block_masks, zero_blocks
from edgepack.compress.weights.lamp import layer_shares
from edgepack.compress.work import Structure, Work
from edgepack.ground.errors import RecipeError
from edgepack.sources.keras.frameworks import import_tf_keras

# The polynomial schedule moves the sparsity this often; TF-MOT's default of every 100 batches is too coarse for small data.
_UPDATES = 40
_TWO_OF_FOUR = ("Conv2D", "Dense")
_IN_BLOCKS = ("Conv1D", "Conv2D", "Dense")
# Layers with a kernel that TF-MOT refuses, besides the depthwise ones.
_ANSWERING = ("Conv1DTranspose", "EinsumDense")
_DEPTHWISE = "depthwise kernels: few weights that matter much; depthwise = true prunes them"


class Prune(FineTuning):
    """Set the smallest weights of each layer to zero, and train the others to make up for it."""

    name: ClassVar[str] = "prune"
    title: ClassVar[str] = "Pruning"
    version: ClassVar[int] = 2
    leaves: ClassVar[frozenset[Structure]] = frozenset({"zeros"})
    keeps: ClassVar[frozenset[Structure]] = frozenset({"zeros"})

    sparsity: Share = Field(default=0.5, description="share of the weights that become zero")
    scope: Literal["layer", "global"] = Field(
        default="layer", description="that share of each layer, or of all layers together, more where weights matter less"
    )
    schedule: Literal["polynomial", "constant"] = Field(
        default="polynomial", description="raise the sparsity little by little, or all at once before fine-tuning"
    )
    initial_sparsity: Share = Field(default=0.0, description="where the polynomial schedule begins")
    ramp: float = Field(
        default=0.5, gt=0, le=1, description="share of the epochs in which the polynomial schedule reaches the sparsity"
    )
    pattern: Literal["unstructured", "1x4", "2:4"] = Field(
        default="unstructured",
        description="1x4 zeroes four neighbours along the input channels together, 2:4 two of every four",
    )
    layers: Names = Field(default=("*",), description="names of the layers to prune, with * and ?")
    exclude: Names = Field(default=(), description="names of layers to leave alone")
    per_layer: dict[str, Share] = Field(default={}, description="another sparsity for some layers: a table from names to shares")
    depthwise: bool = Field(default=False, description="prune depthwise convolutions too")

    @property
    def label(self) -> str:
        """For example "prune 50 %"."""
        if self.pattern == "2:4":
            return "prune 2:4"
        blocks = " in blocks of 1x4" if self.pattern == "1x4" else ""
        return f"prune {self.sparsity * 100:g} %" + (" of all" if self.scope == "global" else "") + blocks

    def check(self) -> None:
        """Refuse what has no meaning with the pattern 2:4, and a schedule that begins above its end."""
        if self.pattern == "2:4":
            for option in ("sparsity", "scope", "per_layer", "schedule", "initial_sparsity", "ramp"):
                if option in self.model_fields_set:
                    raise contradiction(
                        type(self),
                        option,
                        f"{option} has no meaning with the pattern 2:4, which is always half, at once",
                        f"remove {option}, or the pattern",
                    )
        if self.schedule == "polynomial" and self.initial_sparsity > self.sparsity:
            raise bad_value(type(self), "initial_sparsity", f"{self.initial_sparsity:g} is above the sparsity", "lower it")
        super().check()

    def apply(self, model: Any, work: Work) -> Any:
        """Prune and fine-tune a copy of `model`.

        Raises:
            RecipeError: EP-412 when no layer is left to prune or a name fits none; EP-414 when zeros are missing afterwards.
        """
        shares = self._choose(model, work)
        work.note_layers("trained although frozen", unfreeze(model), "to make up for pruning")
        loss = choose_loss(model, work.data, self.loss)
        batches = max(1, math.ceil(len(work.data.train) / self.batch_size))
        ramp, frequency = self._schedule(batches)
        wrapped = self._wrap(copy_model(model), shares, ramp, frequency)
        callbacks = [import_tfmot().sparsity.keras.UpdatePruningStep()]
        ready = math.ceil((1 + ramp) / batches)
        fitted = fit(wrapped, work, self, loss, first_candidate=ready, callbacks=callbacks)
        pruned = import_tfmot().sparsity.keras.strip_pruning(wrapped)
        work.note(fitted.text)
        self._verify(pruned, shares)
        return pruned

    def _schedule(self, batches: int) -> tuple[int, int]:
        """Batches over which the sparsity rises (0: all at once), and batches between two updates of the masks.

        TF-MOT updates at every multiple of the frequency up to the end, so the end must be such a multiple, or the last rise
        never happens; and the training must reach it.
        """
        if self.schedule == "constant" or self.pattern == "2:4":
            return 0, 1
        total = batches * self.epochs
        ramp = min(total - 1, math.ceil(total * self.ramp))
        frequency = max(1, ramp // _UPDATES)
        return ramp - ramp % frequency, frequency

    def takes(self, model: Any) -> frozenset[str]:
        """The layers of `model` that would be pruned."""
        return frozenset(self._sorted(model)[0])

    def _choose(self, model: Any, work: Work) -> dict[str, float]:
        """The sparsity of every layer to prune; notes name the layers that are left out although they have weights."""
        shares, left = self._sorted(model)
        for reason, layers in left.items():
            work.note_layers("not pruned", layers, reason)
        if not shares:
            raise RecipeError("EP-412", "prune: no layer of the model is left to prune", "check layers, exclude and depthwise")
        if self.scope == "global":
            free = [name for name in shares if not any(matches(name, [pattern]) for pattern in self.per_layer)]
            weights = {name: np.concatenate([kernel.values.ravel() for kernel in self._pruned(model, name)]) for name in free}
            shares |= layer_shares(weights, self.sparsity)
            work.note_layers(
                "sparsity", [f"{name} {share * 100:.1f} %" for name, share in shares.items()], "chosen over all layers"
            )
        return shares

    def _sorted(self, model: Any) -> tuple[dict[str, float], dict[str, list[str]]]:
        """The layers to prune with their sparsities, and those that are not by the reason."""
        import_tfmot()
        from tensorflow_model_optimization.python.core.sparsity.keras import prune_registry

        names = [layer.name for layer in model.layers]
        for option, patterns in (("layers", self.layers), ("exclude", self.exclude), ("per_layer", self.per_layer)):
            check_patterns(patterns, names, option, self.name)
        shares: dict[str, float] = {}
        left: dict[str, list[str]] = {}
        found = {kernel.layer: kernel for kernel in kernels(model)}
        for layer in model.layers:
            if layer.name not in found or not matches(layer.name, self.layers) or matches(layer.name, self.exclude):
                continue
            kind = type(layer).__name__
            depthwise = hasattr(layer, "depthwise_kernel")
            if depthwise and not self.depthwise:
                left.setdefault(_DEPTHWISE, []).append(layer.name)
                if kind.startswith("Depthwise"):
                    continue
            if depthwise and self.pattern == "unstructured":
                shares[layer.name] = self._share(layer.name)
            elif self.pattern == "1x4" and kind not in _IN_BLOCKS:
                left.setdefault("1x4 is for Conv1D, Conv2D and Dense", []).append(layer.name)
            elif self.pattern == "2:4" and kind not in _TWO_OF_FOUR:
                left.setdefault("2:4 is for Conv2D and Dense", []).append(layer.name)
            elif self.pattern == "2:4" and not _zeros_of_two_by_four(found[layer.name]):
                left.setdefault("2:4 needs more than two input channels", []).append(layer.name)
            elif prune_registry.PruneRegistry.supports(layer) or kind in _ANSWERING:
                shares[layer.name] = self._share(layer.name)
            else:
                left.setdefault(f"TF-MOT cannot prune {kind}", []).append(layer.name)
        return shares, left

    def _pruned(self, model: Any, layer: str) -> list[Kernel]:
        """The kernels of a layer that take part."""
        return [
            kernel for kernel in kernels(model) if kernel.layer == layer and (kernel.name != "depthwise_kernel" or self.depthwise)
        ]

    def _share(self, layer: str) -> float:
        if self.pattern == "2:4":
            return 0.5
        return next((share for name, share in self.per_layer.items() if matches(layer, [name])), self.sparsity)

    def _wrap(self, model: Any, shares: dict[str, float], ramp: int, frequency: int) -> Any:
        """`model` with TF-MOT's wrapper around every layer in `shares`. `ramp` is in batches; 0: all at the first batch."""
        sparsity = import_tfmot().sparsity.keras
        keras = import_tf_keras()

        def wrap(layer: Any) -> Any:
            if layer.name not in shares:
                return layer
            share = shares[layer.name]
            if (self.depthwise and hasattr(layer, "depthwise_kernel")) or type(layer).__name__ in _ANSWERING:
                # TF-MOT never prunes these, but asks a layer that answers for itself.
                own = [kernel.variable for kernel in kernels(model) if kernel.layer == layer.name]
                layer.get_prunable_weights = lambda: own
            if not ramp:
                schedule = sparsity.ConstantSparsity(share, begin_step=1, end_step=1, frequency=1)
            else:
                start = min(self.initial_sparsity, share)
                schedule = sparsity.PolynomialDecay(start, share, begin_step=1, end_step=1 + ramp, frequency=frequency)
            pattern = {"sparsity_m_by_n": (2, 4)} if self.pattern == "2:4" else {}
            return sparsity.prune_low_magnitude(layer, pruning_schedule=schedule, **pattern)

        wrapped = keras.models.clone_model(model, clone_function=wrap)
        if self.pattern == "1x4":
            for layer in wrapped.layers:
                if hasattr(layer, "pruning_obj"):
                    block_masks(layer.pruning_obj)
        return wrapped

    def _verify(self, model: Any, shares: dict[str, float]) -> None:
        """Count the zeros of every pruned kernel.

        Raises:
            RecipeError: EP-414 naming the layer that has too few.
        """
        for kernel in kernels(model):
            if kernel.layer not in shares or (kernel.name == "depthwise_kernel" and not self.depthwise):
                continue
            values = kernel.values
            if self.pattern == "1x4":
                found, wanted = zero_blocks(values, shares[kernel.layer])
                if found < wanted:
                    raise _missing(kernel.layer, f"{found} blocks of zeros", wanted)
                continue
            wanted = _zeros_of_two_by_four(kernel) if self.pattern == "2:4" else _zeros(values, shares[kernel.layer])
            found = int(values.size - np.count_nonzero(values))
            if found < wanted:
                raise _missing(kernel.layer, f"{found} zeros", wanted)


def _missing(layer: str, found: str, wanted: int) -> RecipeError:
    return RecipeError(
        "EP-414",
        f"layer {layer} has {found} after pruning where {wanted} were wanted",
        "train for more epochs, or use a larger ramp; if that does not help, report it",
    )


def _zeros(values: NDArray[np.float32], share: float) -> int:
    """How many weights TF-MOT zeroes: it keeps round(size * (1 - share)), and at least one."""
    return values.size - max(1, int(np.rint(np.float32(values.size) * np.float32(1 - share))))


def _zeros_of_two_by_four(kernel: Kernel) -> int:
    """Zeros that 2:4 makes: two of each four neighbours along the input channels, all beyond two of a shorter rest."""
    channels = kernel.values.shape[-2]
    rows = channels_first(kernel.kind, kernel.name, kernel.values).size // channels
    return rows * (channels // 4 * 2 + max(0, channels % 4 - 2))
