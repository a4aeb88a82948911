/* A matrix product with a stream of weights, four output channels at a time, in SMLAD: what ep_gemm_2x4.h and ep_gemm_1x4.h share.
 *
 * For each group of four output channels A, B, C, D the stream holds
 *     bias B, bias D                                    scaled by 256
 *     `pairs` times: (256 B + A), (256 D + C)           two channels' weights in each half of a word: values (k, k')
 *     bias A, multiplier A, multiplier B
 *     bias C, multiplier C, multiplier D
 * so 8 bytes a channel beside its weights. Bit 31 of the word of multiplier A is set where a product ends; what is left of it says how
 * sums become outputs: one-sided where bit 30 is clear, short where it is set, shifted or wide where nothing is left.
 *
 * A sum of products with (256 B + A) is 256 times B's sum plus A's; A's own sum comes from the word's low bytes, sign-extended.
 * So one SXTB16 unpacks what would take two, and sums end up scaled by 256.
 *
 * One-sided: y = saturate(floor(t * multiplier / 2^(32 + EP_GEMM_SHIFT))), where the output's zero point is -128, so that all
 * that would round to a negative number saturates; zero point and rounding are in the bias. The compiler has checked that this
 * gives TFLite's result for every accumulator. Multiplier A is even, and halved in the stream.
 * Short: h = round(2 * accumulator * multiplier / 2^32), y = saturate((((h - (h < 0)) >> shift) + half) >> 1), TFLite's double
 * rounding as it is: half = 2 * zero point + 1, shift is one less than the right shift of the multiplier. Multipliers have bit 30;
 * a bias scaled by 256 leaves its low byte to the shift.
 * Shifted: one-sided, each channel with its own shift: y = saturate(floor(t * multiplier / 2^32) >> shift), for multipliers of an eighth
 * and more. Of the wide form, with 8 words: bias A, the mark, the four shifts in bytes with bit 31 set, multipliers A and B, bias C,
 * multipliers C and D.
 * Wide: y = saturate((floor(t * multiplier / 2^32) + offset - (t < 0 ? 128 : 0)) >> shift), for multipliers of a half and more, and
 * what else the short one does not take. Instead of its six words there are 15: bias A, the mark, (shift, multiplier, offset) of A, (multiplier,
 * offset, shift) of B, then bias C, and the same as B of C and D. The shift is the word's low byte; the next says which of four outputs the channel is, for
 * where 256 B + A would leave 16 bits others are put together; and what is above it, of D, is how far to go on: 0 where
 * another group of the stream follows with the same four outputs. Zeros in place of a channel compute what a later one overwrites.
 * Bit 15 of A's shift says that all four are shifted, as above. */
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

/* The low byte of r0 is the shift. */
#define EP_GEMM_SHORT(acc, multiplier, half, out) \
    "asr " acc ", " acc ", #7\n" \
    "smmulr " acc ", " acc ", " multiplier "\n" \
    "add " acc ", " acc ", " acc ", asr #31\n" \
    "asr " acc ", " acc ", r0\n" \
    "add " acc ", " acc ", " half "\n" \
    "ssat " acc ", #8, " acc ", asr #1\n" \
    "strb " acc ", [" out "], #1\n"

/* r0 multiplier, r12 offset, lr shift and place; `spare` is a register that holds nothing any more. */
#define EP_GEMM_WIDE(acc, spare) \
    "asr " spare ", " acc ", #31\n" \
    "add " spare ", r12, " spare ", lsl #7\n" \
    "smmla " acc ", " acc ", r0, " spare "\n" \
    "asr " acc ", " acc ", lr\n" \
    "ssat " acc ", #8, " acc "\n"

/* The same where all four are one-sided. */
#define EP_GEMM_SHIFTED(acc) \
    "smmul " acc ", " acc ", r0\n" \
    "asr " acc ", " acc ", lr\n" \
    "ssat " acc ", #8, " acc "\n"

/* The same to the next output; the low byte of lr is the shift. */
#define EP_GEMM_SHIFTED_NEXT(acc, multiplier, out) \
    "smmul " acc ", " acc ", " multiplier "\n" \
    "asr " acc ", " acc ", lr\n" \
    "ssat " acc ", #8, " acc "\n" \
    "strb " acc ", [" out "], #1\n"

/* The next shift, and that of D, beside which is bit 31. */
#define EP_GEMM_NEXT_SHIFT "lsr lr, lr, #8\n"
#define EP_GEMM_LAST_SHIFT "ubfx lr, lr, #8, #7\n"

#define EP_GEMM_PLACE(place) "ubfx " place ", lr, #8, #2\n"

/* Z is clear where all four are one-sided; the carry stays. */
#define EP_GEMM_ARE_SHIFTED "tst lr, #0x80008000\n"

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

EP_INLINE int8_t ep_gemm_one_sided(int32_t t, int32_t multiplier)
{
    return (int8_t)ep_saturate8(ep_smmul(t, multiplier) >> EP_GEMM_SHIFT);
}

EP_INLINE int8_t ep_gemm_short(int32_t t, int32_t multiplier, int32_t half)
{
    const int32_t high = ep_smmulr(t >> 7, multiplier);
    return (int8_t)ep_saturate8((((high + (high >> 31)) >> (t & 31)) + half) >> 1);
}

EP_INLINE int8_t ep_gemm_wide(int32_t t, const int32_t *multiplier, int32_t shifted)
{
    if (shifted != 0) {
        return (int8_t)ep_saturate8(ep_smmul(t, multiplier[0]) >> (multiplier[2] & 31));
    }
    return (int8_t)ep_saturate8((ep_smmul(t, multiplier[0]) + multiplier[1] + (t >> 31) * 128) >> (multiplier[2] & 31));
}

/* Requantise the sums of channels A and B (second: 0) or C and D (1), as the words after a group's weights say; `out` is the four's. */
EP_INLINE void ep_gemm_store(int32_t a, int32_t b, const int32_t *constants, int32_t second, int32_t half, int8_t *out)
{
    const int32_t mark = (int32_t)((uint32_t)constants[1] << 1);
    if (mark == 0 && constants[2] < 0) {
        const int32_t *const multipliers = constants + 3 + 3 * second;
        const uint32_t shifts = (uint32_t)constants[2] >> (16 * second);
        a = (int32_t)((uint32_t)a + (uint32_t)constants[5 * second]);
        out[2 * second] = (int8_t)ep_saturate8(ep_smmul(a, multipliers[0]) >> (shifts & 0x7Fu));
        out[2 * second + 1] = (int8_t)ep_saturate8(ep_smmul(b, multipliers[1]) >> (shifts >> 8 & 0x7Fu));
        return;
    }
    if (mark == 0) {
        const int32_t first[3] = {constants[3], constants[4], constants[2]};
        const int32_t *const wide = second != 0 ? constants + 9 : first, *const next = constants + (second != 0 ? 12 : 5);
        a = (int32_t)((uint32_t)a + (uint32_t)constants[8 * second]);
        out[wide[2] >> 8 & 3] = ep_gemm_wide(a, wide, constants[2] & 0x8000);
        out[next[2] >> 8 & 3] = ep_gemm_wide(b, next, constants[2] & 0x8000);
        return;
    }
    out += 2 * second;
    a = (int32_t)((uint32_t)a + (uint32_t)constants[3 * second]);
    if (mark < 0) {
        out[0] = ep_gemm_short(a, second != 0 ? constants[4] : constants[1] & INT32_MAX, half);
        out[1] = ep_gemm_short(b, constants[2 + 3 * second], half);
    } else {
        out[0] = ep_gemm_one_sided(a, second != 0 ? constants[4] : mark);
        out[1] = ep_gemm_one_sided(b, constants[2 + 3 * second]);
    }
}

/* Whether the product ends with the group of these words, how many there are, and how far the outputs of the next group are. */
EP_INLINE int ep_gemm_last(const int32_t *constants) { return constants[1] < 0; }
EP_INLINE int32_t ep_gemm_constants(const int32_t *constants)
{
    return (constants[1] & INT32_MAX) != 0 ? 6 : constants[2] < 0 ? 8 : 15;
}
EP_INLINE int32_t ep_gemm_step(const int32_t *constants) { return ep_gemm_constants(constants) == 15 ? constants[14] >> 16 : 4; }

#endif

#endif
