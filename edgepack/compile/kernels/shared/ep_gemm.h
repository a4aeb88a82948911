/* A matrix product with a stream of weights, four output channels at a time, in SMLAD: what ep_gemm_2x4.h and ep_gemm_1x4.h share.
 *
 * For each group of four output channels A, B, C, D the stream holds
 *     bias B, bias D                                    scaled by 256
 *     `pairs` times: (256 B + A), (256 D + C)           two channels' weights in each half of a word: values (k, k')
 *     flags: bit 30 for the exact requantisation, bit 31 where a product ends
 *     bias A, multiplier A, multiplier B
 *     bias C, multiplier C, multiplier D                for the one-sided requantisation
 * or, for the exact one, bias A, (multiplier, offset, shift) of A and of B, and the same for C and D.
 *
 * A sum of products with (256 B + A) is 256 times B's sum plus A's; A's own sum comes from the word's low bytes, sign-extended.
 * So one SXTB16 unpacks what would take two, and sums end up scaled by 256.
 *
 * One-sided: y = saturate(floor(t * multiplier / 2^(32 + EP_GEMM_SHIFT))), where the output's zero point is -128, so that all
 * that would round to a negative number saturates; zero point and rounding are in the bias. The compiler has checked that this
 * gives TFLite's result for every accumulator.
 * Exact: y = saturate((floor(t * multiplier / 2^32) + offset - (t < 0 ? 128 : 0)) >> shift), TFLite's double rounding as it is:
 * offset = 2^(shift - 1) + 2^6 + zero point * 2^shift, shift = 7 + the right shift of the multiplier. */
#ifndef EP_GEMM_H
#define EP_GEMM_H

#include "ep_assembly.h"

#define EP_GEMM_SHIFT 10

#if EP_ASSEMBLY

/* A pair of values of one row: sums A to D in r4 to r7. */
#define EP_GEMM_1X4_PAIR(ab, cd, value) \
    "smlad r5," ab "," value ",r5\n" \
    "smlad r7," cd "," value ",r7\n" \
    "sxtb16 " ab "," ab "\n" \
    "sxtb16 " cd "," cd "\n" \
    "smlad r4," ab "," value ",r4\n" \
    "smlad r6," cd "," value ",r6\n"

/* Four pairs of values of one row in a round, at r0, and their weights, at r1, to the end of the row, which the stack points to. A row
 * of an odd number of halves begins at 3, with its first two values in r12 and lr. */
#define EP_GEMM_1X4_LOOP \
    "2:\n" \
    "ldm r0!,{r2,r3,r12,lr}\n" \
    "ldm r1!,{r8-r11}\n" \
    EP_GEMM_1X4_PAIR("r8", "r9", "r2") \
    EP_GEMM_1X4_PAIR("r10", "r11", "r3") \
    "3:\n" \
    "ldm r1!,{r8-r11}\n" \
    EP_GEMM_1X4_PAIR("r8", "r9", "r12") \
    EP_GEMM_1X4_PAIR("r10", "r11", "lr") \
    "ldr r2,[sp]\n" \
    "cmp r0,r2\n" \
    "bne.n 2b\n"

/* From sum to output, at `out`. */
#define EP_GEMM_ONE_SIDED(acc, multiplier, out) \
    "smmul " acc ", " acc ", " multiplier "\n" \
    "ssat " acc ", #8, " acc ", asr #10\n" \
    "strb " acc ", [" out "], #1\n"

/* r0 multiplier, r12 offset, lr shift; `spare` is a register that holds nothing any more. */
#define EP_GEMM_EXACT(acc, spare, out) \
    "asr " spare ", " acc ", #31\n" \
    "add " spare ", r12, " spare ", lsl #7\n" \
    "smmla " acc ", " acc ", r0, " spare "\n" \
    "asr " acc ", " acc ", lr\n" \
    "ssat " acc ", #8, " acc "\n" \
    "strb " acc ", [" out "], #1\n"

#else

/* The sums of channels A and B (`w` at their words) or C and D, scaled by 256, without bias A; `step` words of x from pair to pair. */
EP_INLINE void ep_gemm_sums(const int32_t *x, int32_t step, int32_t pairs, const int32_t *w, int32_t *a, int32_t *b)
{
    int32_t k;
    *a = 0;
    for (k = 0; k < pairs; k++, x += step, w += 2) {
        *b = ep_smlad((uint32_t)*w, (uint32_t)*x, *b);
        *a = ep_smlad(ep_sxtb16((uint32_t)*w), (uint32_t)*x, *a);
    }
    *b = (int32_t)((uint32_t)*b - (uint32_t)*a);
    *a = (int32_t)((uint32_t)*a << 8);
}

EP_INLINE int8_t ep_gemm_exact(int32_t t, const int32_t *multiplier)
{
    return (int8_t)ep_saturate8((ep_smmul(t, multiplier[0]) + multiplier[1] + (t >> 31) * 128) >> multiplier[2]);
}

/* Requantise two channels' sums; `constants` begin with bias A. */
EP_INLINE void ep_gemm_store(int32_t a, int32_t b, const int32_t *constants, int32_t exact, int8_t *out)
{
    a = (int32_t)((uint32_t)a + (uint32_t)constants[0]);
    if (exact) {
        out[0] = ep_gemm_exact(a, constants + 1);
        out[1] = ep_gemm_exact(b, constants + 4);
    } else {
        out[0] = (int8_t)ep_saturate8(ep_smmul(a, constants[1]) >> EP_GEMM_SHIFT);
        out[1] = (int8_t)ep_saturate8(ep_smmul(b, constants[2]) >> EP_GEMM_SHIFT);
    }
}

#endif

#define EP_GEMM_EXACTLY(flags) (((flags) & 0x40000000) != 0)
#define EP_GEMM_LAST(flags) ((flags) < 0)

/* Words after the flags. */
#define EP_GEMM_CONSTANTS(exact) ((exact) ? 14 : 6)

#endif
