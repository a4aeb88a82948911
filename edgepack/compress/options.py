"""Options of compression steps: what may be written in a `[[recipe]]` table, with bounds and defaults.

Only pydantic is imported, so that a recipe can be checked in a moment.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

# Lists of TOML arrive as Python lists; tuples keep the options hashable.
Names = Annotated[tuple[str, ...], Field(strict=False)]


class StepOptions(BaseModel):
    """Base of every step's options: unknown keys and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    FOR_CONVERSION: ClassVar[frozenset[str]] = frozenset()
    """Options that only conversion reads: the step's Keras model does not depend on them."""
    LATER: ClassVar[frozenset[str]] = frozenset()
    """Options that came when steps had been kept without them: at their defaults they change nothing."""

    def key(self) -> dict[str, Any]:
        """The options that a step's Keras model depends on, JSON-able: what a kept step is found by."""
        fields = type(self).model_fields
        defaults = {name for name in self.LATER if getattr(self, name) == fields[name].default}
        return self.model_dump(mode="json", exclude={*self.FOR_CONVERSION, *defaults})


class FineTuning(StepOptions):
    """How a step trains: epochs over the training split, the optimiser, and when to stop."""

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
    augment: tuple[Literal["flip", "shift", "time"], ...] = Field(
        default=(),
        strict=False,
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


TEACHING = ("temperature", "alpha", "match", "match_weight")
