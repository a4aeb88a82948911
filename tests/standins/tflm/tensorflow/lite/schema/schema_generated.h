// GetModel stands in micro_interpreter.h.
