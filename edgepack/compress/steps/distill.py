"""The step `distill`: a smaller model of the user's own takes the place of the model and learns from it (Hinton et al. 2015)."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from edgepack.compress.named import FLOAT
from edgepack.compress.option_errors import bad_value
from edgepack.compress.technique import FineTuning
from edgepack.compress.training.fit import fit
from edgepack.compress.training.loss import choose_loss
from edgepack.compress.work import Structure, Work


class Distill(FineTuning):
    """Train a student on the labels and on the outputs of a teacher; the steps after it work on the student."""

    name: ClassVar[str] = "distill"
    title: ClassVar[str] = "Distilling"
    version: ClassVar[int] = 1
    keeps: ClassVar[frozenset[Structure]] = frozenset()

    student: str = Field(
        default="model.py:build_student", description='the smaller model: "model.py:function", or a Keras file in the project'
    )
    teacher: str = Field(default="float", description="whose outputs it learns, as for every step that trains")
    epochs: int = Field(default=30, ge=1, description="passes over the training data at most")
    patience: int = Field(
        default=8, ge=0, description="epochs without a better validation result before stopping; 0 never stops early"
    )

    @property
    def label(self) -> str:
        """For example "distill model.py:build_student"."""
        return f"distill {self.student}"

    def check(self) -> None:
        """Refuse a missing student or teacher, and a student that is the teacher."""
        for option, setting in (("student", self.student), ("teacher", self.teacher)):
            if not setting:
                raise bad_value(type(self), option, "there is none", f'name the {option}: a Keras file, or "model.py:function"')
        if self.student == FLOAT:
            raise bad_value(type(self), "student", '"float" is the model that teaches', 'write "model.py:function"')
        super().check()

    @property
    def replaced_by(self) -> str:
        """The student: whatever an earlier step did to the model is not in it."""
        return self.student

    def apply(self, model: Any, work: Work) -> Any:
        """The trained student, which has nothing of `model` but its inputs and the shape of its output."""
        assert work.student is not None and work.teacher is not None
        student = work.student.open()
        before, after = model.count_params(), student.count_params()
        work.note(f"{self.student} has {after:,} parameters, the model before it {before:,}")
        loss = choose_loss(student, work.data, self.loss)
        work.note(fit(student, work, self, loss).text)
        return student
