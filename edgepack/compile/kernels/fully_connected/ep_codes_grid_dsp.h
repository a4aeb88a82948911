/* Codes on a grid, for the DSP extension: two codes are what a mask leaves of a word, shifted in the same instruction. */
#ifndef EP_CODES_GRID_DSP_H
#define EP_CODES_GRID_DSP_H

#include "ep_codes_dsp.h"

#if EP_ASSEMBLY

#define EP_GRID_PAIR(shifted, x) \
    "and r12,r3,r8" shifted "\n" \
    "smlad r4,r12," x ",r4\n" \
    "and r12,r3,r9" shifted "\n" \
    "smlad r5,r12," x ",r5\n" \
    "and r12,r3,r10" shifted "\n" \
    "smlad r6,r12," x ",r6\n" \
    "and r12,r3,r11" shifted "\n" \
    "smlad r7,r12," x ",r7\n"

#define EP_GRID_BEGIN(mask) EP_CODES_BEGIN "mov.w r3,#" mask "\n" EP_CODES_LOOP
#define EP_GRID_FIRST(second) EP_CODES_LOAD_TWO EP_GRID_PAIR("", "r2") EP_GRID_PAIR(",lsr #" second, "lr")
#define EP_GRID_TWO(first, second) EP_CODES_LOAD_TWO EP_GRID_PAIR(",lsr #" first, "r2") EP_GRID_PAIR(",lsr #" second, "lr")
#define EP_GRID_ONE(at) EP_CODES_LOAD_ONE EP_GRID_PAIR(",lsr #" at, "r2")

#else

EP_INLINE void ep_grid_sums(const uint32_t *x, const int32_t *codes, const uint32_t *end, int32_t *sums, int32_t bits)
{
    const uint32_t mask = ((1u << bits) - 1u) * 0x00010001u;
    int32_t at, lane;
    memset(sums, 0, 4 * sizeof *sums);
    for (; x < end; codes += 4) {
        for (at = 0; at + bits <= 16; at += bits, x++) {
            for (lane = 0; lane < 4; lane++) {
                sums[lane] = ep_smlad((uint32_t)codes[lane] >> at & mask, *x, sums[lane]);
            }
        }
    }
}

#endif

EP_INLINE void ep_codes_grid_dsp(const struct ep_fully_connected_codes *op, const int8_t *input, int8_t *output, void *scratch,
                                 ep_codes_sums *sums)
{
    ep_codes_run(op, input, output, (uint32_t *)scratch, NULL, op->least, op->step, sums);
}

#endif
