"""The step `quantize`: the number format of the .tflite, and training for it (Jacob et al. 2018, arXiv:1712.05877)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from edgepack.compress.keras.kernels import kernels
from edgepack.compress.keras.models import unfreeze
from edgepack.compress.option_errors import contradiction
from edgepack.compress.quantization import aware as aware_training
from edgepack.compress.quantization.calibration import Calibration, calibrate
from edgepack.compress.quantization.fake_quant import fit_scales, settle
from edgepack.compress.quantization.lowbit import GRIDS, Format, Grid, Scales
from edgepack.compress.results import Quantization
from edgepack.compress.select import check_patterns, matches
from edgepack.compress.step import Place
from edgepack.compress.technique import FineTuning, Names
from edgepack.compress.training.fit import fit
from edgepack.compress.training.keep import Keeper, most_values
from edgepack.compress.training.loss import choose_loss
from edgepack.compress.work import Structure, Work
from edgepack.ground.errors import RecipeError
from edgepack.sources import Split

# Enough batches for the ranges to be those of the data; more only costs time.
_CALIBRATION_EXAMPLES = 1024


_TRAINING_OPTIONS = (*FineTuning.model_fields, "exclude", "weights", "keep_int8", "scales", "rate", "reestimate_batch_norm")


class Quantize(FineTuning):
    """Choose the number format and, with `aware`, let the model get used to it; zeros stay zero and shared weights shared."""

    name: ClassVar[str] = "quantize"
    title: ClassVar[str] = "Quantizing"
    version: ClassVar[int] = 5
    place: ClassVar[Place] = "last"

    scheme: Literal["int8", "int16x8", "float16", "dynamic"] = Field(
        default="int8",
        description="int8: everything 8 bit; int16x8: 16 bit activations; float16: half weights; dynamic: int8 weights only",
    )
    weights: Format = Field(
        default="int8",
        description="codes weights may have: int4 15 a channel, ternary 3, binary 2, in an int8 file",
    )
    keep_int8: Names = Field(
        default=("first", "last", "depthwise"),
        description="layers that keep int8 weights, with * and ?; first, last and depthwise stand for what they say",
    )
    scales: Scales = Field(
        default="channel",
        description="of a kernel's output channels: each its own, one times powers of two, or one: multipliers that code well",
    )
    rate: float = Field(
        default=0.0,
        ge=0,
        description="what the loss rises by for each bit that a weight of few bits takes when coded, on average",
    )
    aware: bool = Field(default=True, description="fine-tune with simulated quantization; false: quantize after training")
    epochs: int = Field(default=2, ge=1, description="passes over the training data at most")
    learning_rate: float = Field(default=0.0001, gt=0, description="of the first gradient step")
    exclude: Names = Field(default=(), description="layers to train without simulated quantization, with * and ?")
    calibration: Calibration = Field(
        default="minmax", description="ranges of activations without aware training: all values, nearly all, or the least error"
    )
    percentile: float = Field(default=99.9, gt=50, lt=100, description="per cent of an activation's values that its range holds")
    int16: Names = Field(default=(), description="layers whose outputs keep 16 bits in the int8 file, with * and ?")
    short_constants: bool = Field(
        default=False,
        description="round biases of the int8 file to what is hardly seen, so that they take fewer bits when coded",
    )

    reestimate_batch_norm: bool = Field(
        default=False,
        description="take BatchNorm's averages anew after each epoch, for weights of few bits, which jump to the end",
    )

    FOR_CONVERSION: ClassVar[frozenset[str]] = frozenset({"int16", "short_constants"})
    LATER: ClassVar[frozenset[str]] = FineTuning.LATER | {"reestimate_batch_norm"}

    @property
    def keeps(self) -> frozenset[Structure]:
        """Binary weights have no zero; weights of few bits that were equal stay equal."""
        return frozenset({"clusters"}) if self.weights == "binary" else frozenset({"zeros", "clusters"})

    @property
    def trains(self) -> bool:
        """Whether the Keras model changes."""
        return self.aware or self.calibration != "minmax"

    @property
    def label(self) -> str:
        """For example "quantize int8, ternary weights, aware"."""
        weights = "" if self.weights == "int8" else f", {self.weights} weights"
        way = "aware" if self.aware else self.calibration if self.trains else ""
        wide = f", int16 in {', '.join(self.int16)}" if self.int16 else ""
        return f"quantize {self.scheme}{weights}" + (f", {way}" if way else "") + wide

    @model_validator(mode="before")
    @classmethod
    def _trained_for_int8(cls, options: Any) -> Any:
        """`aware` is true for int8 when it is not said, and false for the other schemes."""
        return {"aware": False, **options} if options.get("scheme", "int8") != "int8" else options

    def check(self) -> None:
        """Refuse what a scheme cannot have, and options of training and calibration where there is none."""
        written = self.model_fields_set
        if self.scheme != "int8" and self.int16:
            raise contradiction(
                type(self),
                "int16",
                f"int16 is for single layers of an int8 file, not of {self.scheme}",
                'set scheme = "int8", or remove int16',
            )
        if self.scheme != "int8" and self.aware:
            raise contradiction(
                type(self),
                "aware",
                f"aware training simulates int8, which {self.scheme} is not",
                'set scheme = "int8", or aware = false',
            )
        useless = [option for option in _TRAINING_OPTIONS if option in written and not self.aware]
        if useless:
            raise contradiction(
                type(self),
                useless[0],
                f"{useless[0]} has no meaning without aware training",
                f"remove {useless[0]}, or set aware = true",
            )
        if "calibration" in written and (self.aware or self.scheme != "int8"):
            raise contradiction(
                type(self),
                "calibration",
                "calibration is for int8 after training; aware training learns the ranges",
                'set scheme = "int8" and aware = false, or remove calibration',
            )
        if self.rate and self.weights in ("int8", "binary"):
            raise contradiction(
                type(self),
                "rate",
                f"rate chooses among the levels of weights of few bits, which {self.weights} weights are not",
                'set weights = "int4", or remove rate',
            )
        if self.short_constants and self.scheme != "int8":
            raise contradiction(
                type(self),
                "short_constants",
                f"short_constants is for the biases of an int8 file, which {self.scheme} has not",
                'set scheme = "int8", or remove short_constants',
            )
        if "percentile" in written and self.calibration != "percentile":
            raise contradiction(
                type(self),
                "percentile",
                "percentile has no meaning with another calibration",
                'set calibration = "percentile", or remove percentile',
            )
        super().check()

    def quantization(self, kept: frozenset[Structure]) -> Quantization:
        """What conversion has to know; `kept` is what earlier steps left in the weights."""
        few: set[Structure] = {"codes"} if self.weights != "int8" else set()
        return Quantization(self.scheme, self.trains, tuple(sorted(kept | few)), tuple(self.int16), self.short_constants)

    def apply(self, model: Any, work: Work) -> Any:
        """A copy of `model` with quantization ranges, trained with them or calibrated.

        Raises:
            RecipeError: EP-412 for an exclude that fits no layer; EP-416 when TF-MOT cannot wrap the model; EP-414 when zeros of
                an earlier step were lost.
        """
        if not self.aware:
            return self._calibrated(model, work)
        names = [layer.name for layer in model.layers]
        for option, patterns in (("exclude", self.exclude), ("int16", self.int16)):
            check_patterns(patterns, names, option, self.name)
        excluded = frozenset(name for name in names if matches(name, self.exclude))
        loss = choose_loss(model, work.data, self.loss)
        work.note_layers("trained although frozen", unfreeze(model), "to get used to quantization")
        grids = self._grids(model, excluded)
        wrapped, left = aware_training.wrap(model, excluded, grids)
        for reason in dict.fromkeys(left.values()):
            layers = [name for name, why in left.items() if why == reason]
            work.note_layers("quantized after training instead", layers, reason)
        fewer = [name for name, grid in grids.items() if grid.levels < GRIDS["int8"].levels and name in left]
        work.note_layers("kept int8 weights", fewer, "not simulated in training")
        fit_scales(wrapped)
        aware_training.calibrate(wrapped, _spread(work.data.train, _CALIBRATION_EXAMPLES), self.batch_size)
        kept = work.kept if self.weights == "int8" else work.kept - {"clusters"}
        keeper = Keeper(kernels(wrapped), kept, whole=self.scales == "layer")
        work.note(fit(wrapped, work, self, loss, callbacks=[keeper.callback], reestimate=self.reestimate_batch_norm).text)
        keeper.verify(self.name)
        self._verify(wrapped, settle(wrapped))
        return wrapped

    def _calibrated(self, model: Any, work: Work) -> Any:
        """A copy of `model` with ranges from examples, not trained."""
        wrapped, left = aware_training.wrap(model)
        for reason in dict.fromkeys(left.values()):
            layers = [name for name, why in left.items() if why == reason]
            work.note_layers("calibrated by the converter instead", layers, reason)
        examples = _spread(work.data.train, _CALIBRATION_EXAMPLES)
        calibrate(wrapped, examples, self.calibration, self.percentile, work.task)
        return wrapped

    def _grids(self, model: Any, excluded: frozenset[str]) -> dict[str, Grid]:
        """What the weights of layers may be, of those that differ from TF-MOT's int8."""
        found = list({kernel.layer: None for kernel in kernels(model)})
        few = self._few_bits(model, found, excluded) if self.weights != "int8" else []
        weights = sum(kernel.values.size for kernel in kernels(model) if kernel.layer in few)
        grids = {name: replace(GRIDS[self.weights], scales=self.scales, rate=self.rate / max(weights, 1)) for name in few}
        if self.scales != "channel":
            int8 = replace(GRIDS["int8"], scales=self.scales)
            grids = {name: grids.get(name, int8) for name in found if name not in excluded}
        return grids

    def takes(self, model: Any) -> frozenset[str]:
        """The layers of `model` that would get weights of few bits.

        Raises:
            RecipeError: EP-416 when TF-MOT cannot wrap the model.
        """
        found = list({kernel.layer: None for kernel in kernels(model)})
        chosen = self._open_to_few(model, found, frozenset())
        _, left = aware_training.wrap(model) if chosen else (None, {})
        return frozenset(chosen) - left.keys()

    def _few_bits(self, model: Any, found: Sequence[str], excluded: frozenset[str]) -> list[str]:
        """The layers of `found` whose weights get few bits."""
        chosen = self._open_to_few(model, found, excluded)
        if not chosen:
            raise RecipeError("EP-412", f"quantize: no layer is left for {self.weights} weights", "check keep_int8 and exclude")
        return chosen

    def _open_to_few(self, model: Any, found: Sequence[str], excluded: frozenset[str]) -> list[str]:
        """Those of `found` that need not keep int8 weights."""
        words = {"first": found[:1], "last": found[-1:]}
        words["depthwise"] = [kernel.layer for kernel in kernels(model) if kernel.name == "depthwise_kernel"]
        patterns = [pattern for pattern in self.keep_int8 if pattern not in words]
        check_patterns(patterns, [layer.name for layer in model.layers], "keep_int8", self.name)
        kept = {name for word in self.keep_int8 for name in words.get(word, ())} | excluded
        return [name for name in found if name not in kept and not matches(name, patterns)]

    def _verify(self, model: Any, allowed: dict[str, int]) -> None:
        """Count the values of every kernel with few bits.

        Raises:
            RecipeError: EP-414 naming the layer that has too many.
        """
        for kernel in kernels(model):
            found = most_values(kernel, kernel.values)
            if found > allowed.get(kernel.layer, found):
                raise RecipeError(
                    "EP-414",
                    f"quantize: layer {kernel.layer} has {found} weights a channel where {allowed[kernel.layer]} were wanted",
                    "please report it with the model and the recipe",
                )


def _spread(split: Split, count: int) -> Split:
    """About `count` examples, evenly spread, as views: data sorted by class must not give the ranges of one class."""
    every = max(1, len(split) // count)
    return Split(tuple(array[::every] for array in split.inputs), None)
