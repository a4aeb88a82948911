"""What the techniques have in common: options as keyword arguments, checked, with bounds, defaults and descriptions.

`Prune(sparsity=0.5)` and a `[[recipe]]` table with `step = "prune"` and `sparsity = 0.5` make the same step. No TensorFlow is
imported, so that a recipe can be checked in a moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from edgepack.compress.named import FLOAT
from edgepack.compress.option_errors import OptionError, contradiction, refused
from edgepack.compress.results import Quantization
from edgepack.compress.step import Place
from edgepack.compress.work import Structure
from edgepack.project.types import StepTable, Where

if TYPE_CHECKING:
    from typing_extensions import Self

    # What may be given. A list, as TOML has it, is stored as a tuple.
    Names = Sequence[str]
    Variations = Sequence[Literal["flip", "shift", "time"]]
else:
    Names = Annotated[tuple[str, ...], Field(strict=False)]
    Variations = Annotated[tuple[Literal["flip", "shift", "time"], ...], Field(strict=False)]

Share = Annotated[float, Field(ge=0, lt=1)]

_TEACHING = ("temperature", "alpha", "match", "match_weight")


class Technique(BaseModel):
    """Base of every technique; its fields are the options. See `step.Step` for the members."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    FOR_CONVERSION: ClassVar[frozenset[str]] = frozenset()
    """Options that only conversion reads: the step's Keras model does not depend on them."""
    LATER: ClassVar[frozenset[str]] = frozenset()
    """Options that came when steps had been kept without them: at their defaults they change nothing."""

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int]
    place: ClassVar[Place] = "middle"
    leaves: ClassVar[frozenset[Structure]] = frozenset()

    _where: Where | None = PrivateAttr(default=None)

    def __init__(self, /, **options: Any) -> None:
        """The step with these options, the others at their defaults.

        Raises:
            OptionError: EP-402 unknown option, EP-403 bad value, EP-405 options that exclude each other.
        """
        try:
            super().__init__(**options)
        except ValidationError as error:
            raise refused(type(self), error) from error
        self.check()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """End a technique's docstring with its options, for `help()`."""
        super().__pydantic_init_subclass__(**kwargs)
        lines = [f"    {name}: {field.description} (default {field.default!r})." for name, field in cls.model_fields.items()]
        cls.__doc__ = "\n".join([cleandoc(cls.__doc__ or ""), "", "Args:", *lines])

    def __repr__(self) -> str:
        """As it would be written in Python: the options that were set."""
        written = [f"{name}={value!r}" for name, value in self if name in self.model_fields_set]
        return f"{type(self).__name__}({', '.join(written)})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        """Whether the other is the same technique with the same options, wherever both come from."""
        return isinstance(other, Technique) and type(other) is type(self) and other.options == self.options

    @classmethod
    def read(cls, table: StepTable) -> Self:
        """The step of a table."""
        try:
            return cls(**table.options).placed(table.where)
        except OptionError as error:
            raise error.at(table) from error

    def check(self) -> None:
        """Refuse options that exclude each other; each alone has been found right.

        Raises:
            OptionError: EP-403 or EP-405.
        """

    @property
    def where(self) -> Where:
        """Where its table stands; for an object, the argument it was given as, or its class."""
        return self._where or Where(Path(), flag=type(self).__name__)

    def placed(self, where: Where) -> Self:
        """The same step, found at `where`."""
        copy = self.model_copy()
        copy._where = where
        return copy

    @property
    def label(self) -> str:
        """The step's name."""
        return self.name

    @property
    def options(self) -> dict[str, Any]:
        """Every option with its value, as plain data."""
        return self.model_dump(mode="json")

    @property
    def written(self) -> dict[str, Any]:
        """The options that were set, as plain data."""
        return self.model_dump(mode="json", exclude_unset=True)

    @property
    def trains(self) -> bool:
        """True: the model changes."""
        return True

    @property
    def regresses(self) -> bool:
        """False: the step does not train towards the labels' own numbers."""
        return False

    @property
    def replaced_by(self) -> str:
        """Empty: the step works on the model before it."""
        return ""

    def key(self) -> Mapping[str, Any]:
        """The options that the step's Keras model depends on."""
        fields = type(self).model_fields
        defaults = {name for name, value in self if name in self.LATER and value == fields[name].default}
        return self.model_dump(mode="json", exclude={*self.FOR_CONVERSION, *defaults})

    def quantization(self, kept: frozenset[Structure]) -> Quantization:
        """int8 after training."""
        return Quantization("int8", False, tuple(sorted(kept)))


class WithoutTraining(Technique):
    """Base of the techniques that take no gradient step."""

    seed: ClassVar[int] = 0
    teacher: ClassVar[str] = ""
    fixed_answers: ClassVar[bool] = False


class FineTuning(Technique):
    """Base of the techniques that train: epochs over the training split, the optimiser, when to stop, and a teacher."""

    LATER: ClassVar[frozenset[str]] = frozenset({"precision"})

    epochs: int = Field(default=5, ge=1, description="passes over the training data at most")
    batch_size: int = Field(default=32, ge=1, description="examples a gradient step")
    learning_rate: float = Field(default=0.001, gt=0, description="of the first gradient step")
    decay: Literal["none", "cosine"] = Field(
        default="cosine", description="cosine lowers the learning rate to a hundredth by the end"
    )
    optimizer: Literal["adam", "sgd", "rmsprop"] = Field(default="adam", description="sgd has a momentum of 0.9")
    loss: Literal[
        "auto",
        "sparse_categorical_crossentropy",
        "categorical_crossentropy",
        "binary_crossentropy",
        "mse",
        "mae",
        "huber",
    ] = Field(default="auto", description="auto chooses by the labels and the model's last layer")
    patience: int = Field(
        default=3, ge=0, description="epochs without a better validation result before stopping; 0 never stops early"
    )
    augment: Variations = Field(
        default=(),
        description="vary training examples: flip mirrors images, shift moves them, time moves recordings along their first axis",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="of multiplications in training; bfloat16 is faster on processors that have it"
    )
    seed: int = Field(default=0, ge=0, description="of shuffling, dropout and every other random choice")
    teacher: str = Field(
        default="",
        description='learn from a model\'s outputs too: "float" (this run\'s float model), a Keras file, "model.py:function"',
    )
    temperature: float = Field(default=4.0, gt=0, description="softens the classes' probabilities of teacher and model")
    alpha: float = Field(default=0.9, ge=0, le=1, description="share of the teacher in the loss; the rest is the labels'")
    match: Names = Field(
        default=(), description='layers whose outputs follow the teacher\'s: "name", or "name=name in the teacher"'
    )
    match_weight: float = Field(default=1.0, gt=0, description="weight of the matched layers' loss beside the rest")

    def check(self) -> None:
        """Refuse options of a teacher where there is none, and a step that would learn from what it makes."""
        written = [option for option in _TEACHING if option in self.model_fields_set]
        if written and not self.teacher:
            raise contradiction(
                type(self),
                written[0],
                f"{written[0]} has no meaning without a teacher",
                f'remove {written[0]}, or set teacher = "float"',
            )
        if self.place == "first" and self.teacher == FLOAT:
            raise contradiction(
                type(self),
                "teacher",
                'teacher "float" is the model that this step only trains',
                'name another model: a Keras file, or "model.py:function"',
            )

    @property
    def regresses(self) -> bool:
        """Whether the outputs are trained towards the labels' own numbers, such as 0 and 1, rather than towards probabilities."""
        return self.loss in ("mse", "mae", "huber")

    @property
    def fixed_answers(self) -> bool:
        """Whether a teacher sees the same examples in every epoch, and only its outputs are asked for."""
        return not self.augment and not self.match
