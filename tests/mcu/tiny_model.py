"""A hand-written model with the generated code's interface: two dense layers over int8, and the same in numpy."""

from __future__ import annotations

import numpy as np

INPUTS, HIDDEN, OUTPUTS = 24, 16, 6
_RNG = np.random.default_rng(7)
W0 = _RNG.integers(-128, 128, (HIDDEN, INPUTS)).astype(np.int8)
W1 = _RNG.integers(-128, 128, (OUTPUTS, HIDDEN)).astype(np.int8)

HEADER = f"""
#ifndef TINY_H
#define TINY_H
#include <stdint.h>
#define TINY_ARENA_SIZE {HIDDEN}
int tiny_run(const int8_t *input, int8_t *output, void *arena);
#endif
"""

SOURCE = f"""
#include "tiny.h"
#include "tiny_weights.h"

#ifndef TINY_BEFORE_LAYER
#define TINY_BEFORE_LAYER(index) ((void)(index))
#endif

static __attribute__((noinline)) void dense(const int8_t *in, int n, const int8_t *weights, int8_t *out, int m)
{{
    for (int row = 0; row < m; row++) {{
        int32_t sum = 0;
        for (int column = 0; column < n; column++) {{
            sum += in[column] * weights[row * n + column];
        }}
        sum >>= 9;
        out[row] = (int8_t)(sum < -128 ? -128 : sum > 127 ? 127 : sum);
    }}
}}

int tiny_run(const int8_t *input, int8_t *output, void *arena)
{{
    TINY_BEFORE_LAYER(0); /* FULLY_CONNECTED hidden: 24 -> 16 */
    dense(input, {INPUTS}, w0, arena, {HIDDEN});
    TINY_BEFORE_LAYER(1); /* FULLY_CONNECTED scores: 16 -> 6 */
    dense(arena, {HIDDEN}, w1, output, {OUTPUTS});
    TINY_BEFORE_LAYER(2);
    return 0;
}}
"""


def _array(name: str, values: np.ndarray) -> str:
    return f"const int8_t {name}[{values.size}] = {{{', '.join(map(str, values.ravel()))}}};\n"


FILES = {
    "tiny.h": HEADER,
    "tiny.c": SOURCE,
    "tiny_weights.h": f"#include <stdint.h>\nextern const int8_t w0[{W0.size}], w1[{W1.size}];\n",
    "tiny_weights.c": '#include "tiny_weights.h"\n' + _array("w0", W0) + _array("w1", W1),
}


def inputs(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, (count, INPUTS)).astype(np.int8)


def reference(x: np.ndarray) -> np.ndarray:
    hidden = np.clip((x.astype(np.int32) @ W0.T.astype(np.int32)) >> 9, -128, 127)
    return np.clip((hidden @ W1.T.astype(np.int32)) >> 9, -128, 127).astype(np.int8)
