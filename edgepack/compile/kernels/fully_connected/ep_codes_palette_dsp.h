/* Codes of a palette, for the DSP extension: the two codes of a pair of inputs index a table of pairs of values. */
#ifndef EP_CODES_PALETTE_DSP_H
#define EP_CODES_PALETTE_DSP_H

#include "ep_codes_dsp.h"

#if EP_ASSEMBLY

#define EP_PALETTE_ONE(word, field, x, sum) \
    "ubfx r12," word ",#" field "\n" \
    "ldr r12,[r3,r12,lsl #2]\n" \
    "smlad " sum ",r12," x "," sum "\n"

#define EP_PALETTE_PAIR(field, x) \
    EP_PALETTE_ONE("r8", field, x, "r4") \
    EP_PALETTE_ONE("r9", field, x, "r5") \
    EP_PALETTE_ONE("r10", field, x, "r6") \
    EP_PALETTE_ONE("r11", field, x, "r7")

#define EP_PALETTE_BEGIN EP_CODES_BEGIN "ldr r3,[sp,#44]\n" EP_CODES_LOOP
#define EP_PALETTE_TWO(first, second) EP_CODES_LOAD_TWO EP_PALETTE_PAIR(first, "r2") EP_PALETTE_PAIR(second, "lr")
#define EP_PALETTE_LAST(field) EP_CODES_LOAD_ONE EP_PALETTE_PAIR(field, "r2")

#else

EP_INLINE void ep_palette_sums(const uint32_t *x, const int32_t *codes, const uint32_t *end, int32_t *sums, const uint32_t *table,
                               int32_t bits)
{
    const uint32_t mask = (1u << 2 * bits) - 1u;
    int32_t at, lane;
    memset(sums, 0, 4 * sizeof *sums);
    for (; x < end; codes += 4) {
        for (at = 0; at + 2 * bits <= 32; at += 2 * bits, x++) {
            for (lane = 0; lane < 4; lane++) {
                sums[lane] = ep_smlad(table[(uint32_t)codes[lane] >> at & mask], *x, sums[lane]);
            }
        }
    }
}

#endif

/* The values of two codes, for all there are. */
EP_NOINLINE void ep_palette_table(const int8_t *values, int32_t count, uint32_t *entry)
{
    const int8_t *const end = values + count, *first, *second;
    EP_NO_UNROLL
    for (second = values; second < end; second++) {
        const uint32_t high = (uint32_t)*second << 16;
        EP_NO_UNROLL
        for (first = values; first < end; first++) {
            *entry++ = ((uint32_t)*first & 0xFFFFu) | high;
        }
    }
}

/* The table lies behind the inputs. */
EP_INLINE void ep_codes_palette_dsp(const struct ep_fully_connected_codes *op, const int8_t *input, int8_t *output, void *scratch,
                                    ep_codes_sums *sums)
{
    uint32_t *const x = (uint32_t *)scratch, *const table = x + op->width;
    ep_palette_table(op->values, 1 << op->bits, table);
    ep_codes_run(op, input, output, x, table, 0, 1, sums);
}

#endif
