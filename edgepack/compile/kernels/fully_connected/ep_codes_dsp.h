/* FULLY_CONNECTED, int8, from codes (ep_fully_connected_codes.h), for the DSP extension: four outputs at a time. */
#ifndef EP_CODES_DSP_H
#define EP_CODES_DSP_H

#include "ep_assembly.h"
#include "ep_fully_connected_codes.h"
#include "ep_requantize_any.h"

/* The sums of four outputs over all pairs of inputs; `end` is that of the pairs, `extra` a mask or a table. */
typedef void ep_codes_sums(const uint32_t *x, const int32_t *codes, const uint32_t *end, int32_t *sums, const uint32_t *extra);

#if EP_ASSEMBLY

/* Registers: r0 pairs of inputs, r1 codes, r2 and lr two pairs, r3 mask or table, r4 to r7 sums, r8 to r11 a word of codes of each
 * output, r12 what a product takes. Stack: 0 end of the pairs, 4 where the sums belong, then the saved registers, 44 the last argument. */
#define EP_CODES_BEGIN \
    "push {r4-r11,lr}\n" \
    "push {r2,r3}\n" \
    "mov r4,#0\n" \
    "mov r5,#0\n" \
    "mov r6,#0\n" \
    "mov r7,#0\n"

#define EP_CODES_LOOP \
    "1:\n" \
    "ldm r1!,{r8-r11}\n"

#define EP_CODES_END \
    "ldr r2,[sp]\n" \
    "cmp r0,r2\n" \
    "bne.w 1b\n" \
    "ldr r2,[sp,#4]\n" \
    "stm r2,{r4-r7}\n" \
    "add sp,sp,#8\n" \
    "pop {r4-r11,pc}\n"

#define EP_CODES_LOAD_TWO "ldrd r2,lr,[r0],#8\n"
#define EP_CODES_LOAD_ONE "ldr r2,[r0],#4\n"

#endif

/* One row of input, widened, with zeros up to the last pair; returns the sum. */
EP_INLINE int32_t ep_codes_widen(const struct ep_fully_connected_codes *op, const int8_t *input, uint32_t *x)
{
    const uint32_t less = (uint32_t)-op->offset & 0xFFFFu, both = less | less << 16;
    int32_t sum = 0, i;
    for (i = 0; i + 4 <= op->in_size; i += 4, x += 2) {
        const uint32_t word = ep_load4(input + i);
        x[0] = ep_add_halves(ep_sxtb16(word), both);
        x[1] = ep_add_halves(ep_sxtb16_odd(word), both);
        sum = ep_smlad(x[0], 0x00010001u, ep_smlad(x[1], 0x00010001u, sum));
    }
    memset(x, 0, (size_t)(4 * (op->width - i / 2)));
    for (; i < op->in_size; i++) {
        const int32_t value = input[i] - op->offset;
        x[i & 1] |= ((uint32_t)value & 0xFFFFu) << 8 * (i & 2);
        sum += value;
    }
    return sum;
}

/* An accumulator becomes an output. */
EP_INLINE int8_t ep_codes_output(const struct ep_fully_connected_codes *op, int32_t acc, int32_t c, int other)
{
    const int32_t y = ep_requantize_any(acc, op->multiplier[c], op->right[c], op->out_zero, other);
    return (int8_t)ep_clamp(y, op->out_min, op->out_max);
}

/* Four sums, or as many as there are outputs from o on, become outputs. */
EP_NOINLINE void ep_codes_store(const struct ep_fully_connected_codes *op, int32_t *sum, int32_t o, int32_t step, int32_t same, int8_t *output)
{
    const int32_t count = ep_min(op->out_size - o, 4), apart = op->per_channel, zero = op->out_zero;
    const int32_t low = op->out_min, high = op->out_max;
    int32_t lane;
    if (op->short_bias != NULL) {
        const int16_t *const bias = op->short_bias + o;
        for (lane = 0; lane < count; lane++) {
            sum[lane] = ep_add_wrapped(ep_add_wrapped(ep_multiply_wrapped(step, sum[lane]), same), bias[lane]);
        }
    } else {
        const int32_t *const bias = op->bias + o;
        for (lane = 0; lane < count; lane++) {
            sum[lane] = ep_add_wrapped(ep_add_wrapped(ep_multiply_wrapped(step, sum[lane]), same), bias[lane]);
        }
    }
    if (((uint32_t)op->any >> (o / 4 & 31) & 1u) != 0) {
        for (lane = 0; lane < count; lane++) {
            output[lane] = ep_codes_output(op, sum[lane], apart != 0 ? o + lane : 0, 1);
        }
    } else if (apart != 0) {
        const int32_t *const multiplier = op->multiplier + o;
        const int8_t *const right = op->right + o;
        for (lane = 0; lane < count; lane++) {
            const int32_t y = ep_requantize_short(sum[lane], multiplier[lane], right[lane], 2 * zero + 1);
            output[lane] = (int8_t)ep_clamp(y, low, high);
        }
    } else {
        const int32_t multiplier = op->multiplier[0], right = op->right[0];
        for (lane = 0; lane < count; lane++) {
            const int32_t y = ep_requantize_short(sum[lane], multiplier, right, 2 * zero + 1);
            output[lane] = (int8_t)ep_clamp(y, low, high);
        }
    }
}

EP_INLINE void ep_codes_run(const struct ep_fully_connected_codes *op, const int8_t *input, int8_t *output, uint32_t *x,
                            const uint32_t *table, int32_t least, int32_t step, ep_codes_sums *sums_of)
{
    int32_t batch, o;
    for (batch = 0; batch < op->batches; batch++, input += op->in_size, output += op->out_size) {
        const int32_t same = ep_multiply_wrapped(least, ep_codes_widen(op, input, x));
        const int32_t *codes = op->codes;
        for (o = 0; o < op->out_size; o += 4, codes += op->row) {
            int32_t sums[4];
            sums_of(x, codes, x + op->width, sums, table);
            ep_codes_store(op, sums, o, step, same, output + o);
        }
    }
}

#endif
