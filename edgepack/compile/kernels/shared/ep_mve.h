/* What the kernels for the vector extension (Helium) share: sixteen sums become sixteen outputs.
 *
 * Sixteen channels are held as four vectors of four sums; vector r has channels r, r + 4, r + 8, r + 12, the order in which narrowing
 * and widening instructions leave them. The compiler lays out each sixteen channels' constants in that order: 4x4 biases, bytes, 4x4
 * multipliers. The bytes are 4x4 negative shifts for the exact requantisations, then what belongs to narrowed numbers: eight even
 * channels' bytes, eight odd ones'; for the general one 4x4 left shifts.
 *
 * One-sided: y = saturate(floor((sum * scale + bias) * multiplier / 2^(32 + EP_MVE_SHIFT))), where the output's zero point
 * is -128, so that all that would round to a negative number saturates; zero point and rounding are in the bias. The compiler
 * has checked that this gives TFLite's result for every sum.
 * Shifted: the same with a shift of its own for each channel: by EP_MVE_NARROWED, and by a negative shift to the left.
 * Exact: TFLite's doubling multiplication, and its right shift by at least one bit with halves away from zero. Clamped: the same, and
 * then a clamp to less than int8's range.
 * General: the same with a left shift before, and halves away from zero only where there is a right shift: whatever TFLite has.
 * Scaled: the exact form for sums times scale, of which negative ones are shifted after scale was taken from them; that equals TFLite's two
 * roundings, which the compiler has checked for every sum. Each channel has a zero point of its own.
 *
 * Without the extension the same is computed in plain C: that branch defines what the vectors do. */
#ifndef EP_MVE_H
#define EP_MVE_H

#include "ep_fixed_point.h"

#if defined(__ARM_FEATURE_MVE) && !defined(EP_NO_MVE)
#include <arm_mve.h>
#define EP_MVE 1
#else
#define EP_MVE 0
#endif

#define EP_MVE_SHIFT 10
#define EP_MVE_NARROWED 2

enum { EP_MVE_SHIFTED, EP_MVE_ONE_SIDED, EP_MVE_SCALED, EP_MVE_EXACT, EP_MVE_CLAMPED, EP_MVE_GENERAL };

struct ep_mve_outputs {
    EP_SIZE channels;
    EP_SIZE form, scale;
    EP_SIZE words;                      /* of sixteen channels' constants */
    EP_SIZE out_zero, out_min, out_max; /* used by the exact forms and the general one */
    const int32_t *constants;
};

#if EP_MVE

typedef int8x16_t ep_bytes;

/* Shift right, saturate and narrow to the even (bottom) or odd (top) lanes of `to`. GNU as (2.40 for one) encodes VQSHRNB and VQSHRNT
 * as VQRSHRNB and VQRSHRNT, which round; two instructions say it without them. */
#if defined(__clang__)
#define EP_MVE_NARROW_BOTTOM(bits, to, from, shift) vqshrnbq_n_s##bits(to, from, shift)
#define EP_MVE_NARROW_TOP(bits, to, from, shift) vqshrntq_n_s##bits(to, from, shift)
#else
#define EP_MVE_NARROW_BOTTOM(bits, to, from, shift) vqmovnbq_s##bits(to, vshrq_n_s##bits(from, shift))
#define EP_MVE_NARROW_TOP(bits, to, from, shift) vqmovntq_s##bits(to, vshrq_n_s##bits(from, shift))
#endif

/* acc + x * scale, in assembly: clang makes two instructions of it where it sees that scale is a power of two. */
EP_INLINE int32x4_t ep_mve_accumulate(int32x4_t acc, int32x4_t x, int32_t scale)
{
    __asm__("vmla.s32 %q0, %q1, %2" : "+w"(acc) : "w"(x), "r"(scale));
    return acc;
}

/* (sums * scale + biases) * multipliers / 2^32. */
EP_INLINE void ep_mve_multiply(const struct ep_mve_outputs *op, int32x4_t sums[4], const int32_t *biases, const int32_t *multipliers)
{
    int r;
    for (r = 0; r < 4; r++) {
        sums[r] = ep_mve_accumulate(vldrwq_s32(biases + 4 * r), sums[r], op->scale);
        sums[r] = vmulhq_s32(sums[r], vldrwq_s32(multipliers + 4 * r));
    }
}

/* What is left of the exact forms: narrow, add the zero point, clamp. */
EP_INLINE ep_bytes ep_mve_clamp(const struct ep_mve_outputs *op, int32x4_t sums[4])
{
    int16x8_t even = vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(sums[0]), sums[0]), sums[2]);
    int16x8_t odd = vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(sums[1]), sums[1]), sums[3]);
    ep_bytes y;
    even = vqaddq_n_s16(even, (int16_t)op->out_zero);
    odd = vqaddq_n_s16(odd, (int16_t)op->out_zero);
    y = vqmovntq_s16(vqmovnbq_s16(vreinterpretq_s8_s16(even), even), odd);
    if (op->form != EP_MVE_EXACT) {
        y = vminq_s8(vmaxq_s8(y, vdupq_n_s8((int8_t)op->out_min)), vdupq_n_s8((int8_t)op->out_max));
    }
    return y;
}

/* The exact form of sums that include their biases, with sixteen channels' bytes and multipliers. */
EP_INLINE ep_bytes ep_mve_exact(const struct ep_mve_outputs *op, int32x4_t sums[4], const int32_t *c)
{
    int r;
    for (r = 0; r < 4; r++) {
        sums[r] = vqrdmulhq_s32(sums[r], vldrwq_s32(c + 4 + 4 * r));
        sums[r] = vrshlq_s32(vaddq_s32(sums[r], vshrq_n_s32(sums[r], 31)), vldrbq_s32((const int8_t *)(c + r)));
    }
    return ep_mve_clamp(op, sums);
}

/* The general form of `channels` sums. A function of its own: few layers have this form, and they hardly feel a call. 54 instructions
 * for sixteen. */
EP_NOINLINE void ep_mve_general(const struct ep_mve_outputs *op, const int32_t *sums, const int32_t *c, int32_t channels,
                                int8_t *output)
{
    for (; channels > 0; channels -= 16, sums += 16, c += 40, output += 16) {
        int32x4x4_t four = vld4q_s32(sums);
        int r;
        for (r = 0; r < 4; r++) {
            const int32x4_t right = vldrbq_s32((const int8_t *)(c + 16 + r));
            int32x4_t x = vaddq_s32(four.val[r], vldrwq_s32(c + 4 * r));
            x = vqrdmulhq_s32(vshlq_s32(x, vldrbq_s32((const int8_t *)(c + 20 + r))), vldrwq_s32(c + 24 + 4 * r));
            four.val[r] = vrshlq_s32(vaddq_s32(x, vshrq_n_s32(vandq_s32(x, right), 31)), right);
        }
        vstrbq_p_s8(output, ep_mve_clamp(op, four.val), vctp8q((uint32_t)ep_min(channels, 16)));
    }
}

/* Sums to outputs of sixteen channels, in this form; advances to the next channels' constants. One-sided: 22 instructions, shifted: 26,
 * exact: 38, clamped: 44, scaled: 40. The general form is not among them. */
EP_INLINE ep_bytes ep_mve_requantize(int32_t form, const struct ep_mve_outputs *op, int32x4_t sums[4], const int32_t **constants)
{
    const int32_t *const c = *constants;
    int16x8_t even, odd;
    int r;
    if (form == EP_MVE_ONE_SIDED) {
        ep_mve_multiply(op, sums, c, c + 16);
        *constants = c + 32;
        even = EP_MVE_NARROW_BOTTOM(32, vreinterpretq_s16_s32(sums[0]), sums[0], EP_MVE_SHIFT);
        even = EP_MVE_NARROW_TOP(32, even, sums[2], EP_MVE_SHIFT);
        odd = EP_MVE_NARROW_BOTTOM(32, vreinterpretq_s16_s32(sums[1]), sums[1], EP_MVE_SHIFT);
        odd = EP_MVE_NARROW_TOP(32, odd, sums[3], EP_MVE_SHIFT);
        return vqmovntq_s16(vqmovnbq_s16(vreinterpretq_s8_s16(even), even), odd);
    }
    if (form < EP_MVE_ONE_SIDED) {
        ep_mve_multiply(op, sums, c, c + 20);
        *constants = c + 36;
        even = EP_MVE_NARROW_BOTTOM(32, vreinterpretq_s16_s32(sums[0]), sums[0], EP_MVE_NARROWED);
        even = EP_MVE_NARROW_TOP(32, even, sums[2], EP_MVE_NARROWED);
        odd = EP_MVE_NARROW_BOTTOM(32, vreinterpretq_s16_s32(sums[1]), sums[1], EP_MVE_NARROWED);
        odd = EP_MVE_NARROW_TOP(32, odd, sums[3], EP_MVE_NARROWED);
        even = vshlq_s16(even, vldrbq_s16((const int8_t *)(c + 16)));
        odd = vshlq_s16(odd, vldrbq_s16((const int8_t *)(c + 18)));
        return vqmovntq_s16(vqmovnbq_s16(vreinterpretq_s8_s16(even), even), odd);
    }
    if (form == EP_MVE_SCALED) {
        for (r = 0; r < 4; r++) {
            sums[r] = vqrdmulhq_s32(ep_mve_accumulate(vldrwq_s32(c + 4 * r), sums[r], op->scale), vldrwq_s32(c + 24 + 4 * r));
            sums[r] = ep_mve_accumulate(sums[r], vshrq_n_s32(sums[r], 31), op->scale);
            sums[r] = vrshlq_s32(sums[r], vldrbq_s32((const int8_t *)(c + 16 + r)));
        }
        *constants = c + 40;
        even = vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(sums[0]), sums[0]), sums[2]);
        odd = vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(sums[1]), sums[1]), sums[3]);
        even = vqaddq_s16(even, vldrbq_s16((const int8_t *)(c + 20)));
        odd = vqaddq_s16(odd, vldrbq_s16((const int8_t *)(c + 22)));
        return vqmovntq_s16(vqmovnbq_s16(vreinterpretq_s8_s16(even), even), odd);
    }
    for (r = 0; r < 4; r++) {
        sums[r] = vaddq_s32(sums[r], vldrwq_s32(c + 4 * r));
    }
    *constants = c + 36;
    return ep_mve_exact(op, sums, c + 16);
}

/* The sums of `some` of sixteen channels to their outputs; returns where the next channels' constants begin. */
EP_INLINE const int32_t *ep_mve_outputs_some(int32_t form, const struct ep_mve_outputs *op, const int32_t *sums,
                                             const int32_t *constants, int32_t some, int8_t *output)
{
    int32x4x4_t four;
    if (form == EP_MVE_GENERAL) {
        ep_mve_general(op, sums, constants, some, output);
        return constants + 40;
    }
    four = vld4q_s32(sums);
    vstrbq_p_s8(output, ep_mve_requantize(form, op, four.val, &constants), vctp8q((uint32_t)some));
    return constants;
}

#else

/* The exact form of a sum that includes its bias; `constants` are the bytes and multipliers of the channel's sixteen. */
EP_INLINE int8_t ep_mve_exact_of(const struct ep_mve_outputs *op, int32_t sum, const int32_t *constants, int32_t channel)
{
    const int32_t lane = 4 * (channel & 3) + ((channel >> 2) & 3);
    const int32_t y = ep_requantize(sum, constants[4 + lane], ((const int8_t *)constants)[lane]);
    return (int8_t)ep_clamp(y + op->out_zero, op->out_min, op->out_max);
}

/* One channel's sum to its output; `constants` are those of the channel's sixteen. */
EP_INLINE int8_t ep_mve_output_of(const struct ep_mve_outputs *op, int32_t sum, const int32_t *constants, int32_t channel)
{
    const int32_t lane = 4 * (channel & 3) + ((channel >> 2) & 3), half = 8 * (channel & 1) + ((channel & 15) >> 1);
    const int32_t bias = constants[lane], multiplier = constants[op->words - 16 + lane];
    const int8_t *const bytes = (const int8_t *)(constants + 16);
    const int32_t scaled = (int32_t)((uint32_t)sum * (uint32_t)op->scale + (uint32_t)bias);
    int32_t y;
    if (op->form == EP_MVE_ONE_SIDED || op->form == EP_MVE_SHIFTED) {
        const int32_t shift = op->form == EP_MVE_ONE_SIDED ? EP_MVE_SHIFT : EP_MVE_NARROWED - bytes[half];
        return (int8_t)ep_clamp((int32_t)(((int64_t)scaled * multiplier) >> 32) >> shift, -128, 127);
    }
    if (op->form == EP_MVE_SCALED) {
        y = ep_high_mul(scaled, multiplier);
        y += (y >> 31) * op->scale;
        y = (y + (1 << (-bytes[lane] - 1))) >> -bytes[lane];
        return (int8_t)ep_clamp(y + bytes[16 + half], -128, 127);
    }
    if (op->form == EP_MVE_GENERAL) {
        y = ep_requantize((int32_t)((uint32_t)sum + (uint32_t)bias), multiplier, bytes[lane] + bytes[16 + lane]);
        return (int8_t)ep_clamp(y + op->out_zero, op->out_min, op->out_max);
    }
    return ep_mve_exact_of(op, (int32_t)((uint32_t)sum + (uint32_t)bias), constants + 16, channel);
}

EP_INLINE const int32_t *ep_mve_outputs_some(int32_t form, const struct ep_mve_outputs *op, const int32_t *sums,
                                             const int32_t *constants, int32_t some, int8_t *output)
{
    int32_t k;
    (void)form;
    for (k = 0; k < some; k++) {
        output[k] = ep_mve_output_of(op, sums[k], constants, k);
    }
    return constants + op->words;
}

#endif

EP_INLINE void ep_mve_outputs_as(int32_t form, const struct ep_mve_outputs *op, const int32_t *sums, int8_t *output)
{
    const int32_t *constants = op->constants;
    int32_t left;
    for (left = op->channels; left > 0; left -= 16, sums += 16, output += 16) {
        constants = ep_mve_outputs_some(form, op, sums, constants, ep_min(left, 16), output);
    }
}

/* Every channel's sum to its output; `sums` has room for a multiple of sixteen. Each form has a loop of its own. */
EP_INLINE void ep_mve_outputs(const struct ep_mve_outputs *op, const int32_t *sums, int8_t *output)
{
    switch (op->form) {
    case EP_MVE_SHIFTED: ep_mve_outputs_as(EP_MVE_SHIFTED, op, sums, output); return;
    case EP_MVE_ONE_SIDED: ep_mve_outputs_as(EP_MVE_ONE_SIDED, op, sums, output); return;
    case EP_MVE_SCALED: ep_mve_outputs_as(EP_MVE_SCALED, op, sums, output); return;
    case EP_MVE_GENERAL: ep_mve_outputs_as(EP_MVE_GENERAL, op, sums, output); return;
    default: ep_mve_outputs_as(EP_MVE_EXACT, op, sums, output); return; /* or clamped */
    }
}

#endif
