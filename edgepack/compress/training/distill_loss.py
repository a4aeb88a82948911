"""How far a model's outputs are from its teacher's: soft targets (Hinton et al. 2015, arXiv:1503.02531)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from edgepack.compress.keras.ending import ends_in_probabilities
from edgepack.compress.training.loss import Loss

# Probabilities below this count as this: float32 holds it, and so does its inverse, which the gradient needs.
_SMALLEST_SHARE = 1e-30
# float32 has no numbers between 1 - 6e-8 and 1, so that the logit of a sigmoid is only known within +-16.
_SIGMOID_EDGE = 1e-7


@dataclass(frozen=True)
class SoftLoss:
    """The teacher's part of the loss.

    "softmax": T^2 KL(softmax(t / T) || softmax(s / T)) over the last axis, t and s the logits of teacher and student, T the
    temperature; the gradient is that of Hinton's cross-entropy, of which KL leaves out the teacher's entropy, a constant.
    "sigmoid": the same for each output on its own. "values": the mean squared error, without a temperature. Means over
    everything else. Where a model ends with softmax or sigmoid (`*_logits` false), its logits are recovered: softmax(log p / T)
    is softmax(z / T).
    """

    kind: Literal["softmax", "sigmoid", "values"]
    temperature: float
    teacher_logits: bool
    student_logits: bool

    def value(self, teacher: Any, student: Any) -> Any:
        """The loss, a scalar tensor, of two output tensors of one shape."""
        import tensorflow as tf

        if self.kind == "values":
            return tf.reduce_mean(tf.square(tf.cast(teacher, student.dtype) - student))
        hot = self.temperature
        given, made = self._logits(teacher, self.teacher_logits) / hot, self._logits(student, self.student_logits) / hot
        if self.kind == "softmax":
            share = tf.nn.softmax(given)
            distance = tf.reduce_sum(share * (tf.nn.log_softmax(given) - tf.nn.log_softmax(made)), axis=-1)
        else:
            share = tf.sigmoid(given)
            cross = tf.nn.sigmoid_cross_entropy_with_logits
            distance = cross(labels=share, logits=made) - cross(labels=share, logits=given)
        return hot**2 * tf.reduce_mean(distance)

    def _logits(self, output: Any, logits: bool) -> Any:
        import tensorflow as tf

        if logits:
            return output
        if self.kind == "softmax":
            return tf.math.log(tf.maximum(output, _SMALLEST_SHARE))
        share = tf.clip_by_value(output, _SIGMOID_EDGE, 1 - _SIGMOID_EDGE)
        return tf.math.log(share) - tf.math.log1p(-share)


def soft_loss(loss: Loss, teacher: Any, temperature: float) -> SoftLoss:
    """The teacher's part beside a chosen `loss`; `teacher` is the Keras model.

    Classes are compared by softmax, yes-or-no outputs by sigmoid, everything else (values, reproduced inputs) by its values.
    """
    if loss.name in ("sparse_categorical_crossentropy", "categorical_crossentropy"):
        return SoftLoss("softmax", temperature, not ends_in_probabilities(teacher), loss.from_logits)
    if loss.name == "binary_crossentropy":
        return SoftLoss("sigmoid", temperature, not ends_in_probabilities(teacher), loss.from_logits)
    return SoftLoss("values", temperature, False, False)


def feature_loss(teacher: Any, student: Any) -> Any:
    """Mean squared error of two inner outputs as a share of the teacher's mean square, so that 1 means "nothing learnt"."""
    import tensorflow as tf

    error = tf.reduce_mean(tf.square(teacher - student))
    return error / (tf.reduce_mean(tf.square(teacher)) + 1e-12)
