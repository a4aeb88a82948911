"""Training within a step: data, loss, teacher, what must be kept, and the loop."""
