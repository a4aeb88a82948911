/* How sums of blocks become outputs: what ep_gemm_blocks.h and ep_gemm_blocks_row.h share.
 *
 * A filter's sum is scaled by 256: t = 256 * sum + bias, and bias and multiplier follow the filter. One-sided:
 * y = saturate(floor(t * multiplier / 2^(32 + EP_GEMM_SHIFT))), as in ep_gemm.h. Where bit 31 of the multiplier is set, two words
 * more follow, offset and shift, and
 *     y = saturate((floor(t * multiplier / 2^32) + offset - (t < 0 ? shift >> 8 : 0)) >> (shift & 31)). */
#ifndef EP_BLOCKS_OUTPUT_H
#define EP_BLOCKS_OUTPUT_H

#include "ep_gemm.h"

#if EP_ASSEMBLY

/* r2 multiplier, r3 bias; the output's address in r8 to r11. */
#define EP_GEMM_BLOCKS_ONE_SIDED(acc, out) \
    "add " acc ", r3, " acc ", lsl #8\n" \
    EP_GEMM_ONE_SIDED(acc, "r2", out)

/* r0 offset, r12 shift, lr what negative sums lose; r3 is free after the bias is added. */
#define EP_GEMM_BLOCKS_WIDE(acc, out) \
    "and r3, lr, " acc ", asr #31\n" \
    "sub r3, r0, r3\n" \
    "smmla " acc ", " acc ", r2, r3\n" \
    "asr " acc ", " acc ", r12\n" \
    "ssat " acc ", #8, " acc "\n" \
    "strb " acc ", [" out "], #1\n"

#else

/* The output of a sum, by the constants that follow its filter. */
EP_INLINE int8_t ep_gemm_blocks_output(int32_t sum, const int32_t *constants)
{
    const int32_t multiplier = constants[1] & INT32_MAX;
    const int32_t t = (int32_t)(((uint32_t)sum << 8) + (uint32_t)constants[0]);
    if (constants[1] >= 0) {
        return ep_gemm_one_sided(t, multiplier);
    }
    return (int8_t)ep_saturate8((ep_smmul(t, multiplier) + constants[2] - (t < 0 ? constants[3] >> 8 : 0)) >> (constants[3] & 31));
}

#endif

#endif
