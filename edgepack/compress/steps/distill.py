"""The step `distill`: a smaller model of the user's own takes the place of the model and learns from it (Hinton et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from edgepack.compress.options import FineTuning
from edgepack.compress.reading import bad_value, read_options
from edgepack.compress.step import Place, Structure, Work
from edgepack.compress.training.fit import fit
from edgepack.compress.training.loss import choose_loss
from edgepack.project.types import StepTable, Where


class DistillOptions(FineTuning):
    """Options of `distill`."""

    student: str = Field(
        default="model.py:build_student", description='the smaller model: "model.py:function", or a Keras file in the project'
    )
    teacher: str = Field(default="float", description="whose outputs it learns, as for every step that trains")
    epochs: int = Field(default=30, ge=1, description="passes over the training data at most")
    patience: int = Field(
        default=8, ge=0, description="epochs without a better validation result before stopping; 0 never stops early"
    )


@dataclass(frozen=True)
class Distill:
    """Train a student on the labels and on the outputs of a teacher; the steps after it work on the student."""

    options: DistillOptions
    where: Where

    name: ClassVar[str] = "distill"
    version: ClassVar[int] = 1
    place: ClassVar[Place] = "middle"
    leaves: ClassVar[frozenset[Structure]] = frozenset()
    keeps: ClassVar[frozenset[Structure]] = frozenset()

    # Whatever an earlier step did to the model is not in the student.
    replaces: ClassVar[bool] = True

    title: ClassVar[str] = "Distilling"
    trains: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """For example "distill model.py:build_student"."""
        return f"distill {self.options.student}"

    @classmethod
    def read(cls, table: StepTable) -> Distill:
        """The step of a table.

        Raises:
            ProjectError: EP-402 or EP-403.
        """
        options = read_options(table, DistillOptions)
        for option in ("student", "teacher"):
            if not getattr(options, option):
                raise bad_value(table, option, "there is none", f'name the {option}: a Keras file, or "model.py:function"')
        if options.student == "float":
            raise bad_value(table, "student", '"float" is the model that teaches', 'write "model.py:function"')
        return cls(options, table.where)

    def apply(self, model: Any, work: Work) -> Any:
        """The trained student, which has nothing of `model` but its inputs and the shape of its output."""
        assert work.student is not None and work.teacher is not None
        student = work.student.open()
        before, after = model.count_params(), student.count_params()
        work.note(f"{self.options.student} has {after:,} parameters, the model before it {before:,}")
        loss = choose_loss(student, work.data, self.options.loss)
        work.note(fit(student, work, self.options, loss).text)
        return student
