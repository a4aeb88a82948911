/* FULLY_CONNECTED, int8, from codes of 2 bits into up to 4 values, for the DSP extension. */
#ifndef EP_FULLY_CONNECTED_PALETTE_2_DSP_H
#define EP_FULLY_CONNECTED_PALETTE_2_DSP_H

#include "ep_codes_palette_dsp.h"

#if EP_ASSEMBLY

/* 104 instructions for 64 multiply-accumulates. */
EP_NAKED void ep_palette_2_sums(EP_ARGUMENT const uint32_t *x, EP_ARGUMENT const int32_t *codes, EP_ARGUMENT const uint32_t *end,
                                EP_ARGUMENT int32_t *sums, EP_ARGUMENT const uint32_t *table)
{
    __asm__ volatile(EP_PALETTE_BEGIN
                     EP_PALETTE_TWO("0,#4", "4,#4")
                     EP_PALETTE_TWO("8,#4", "12,#4")
                     EP_PALETTE_TWO("16,#4", "20,#4")
                     EP_PALETTE_TWO("24,#4", "28,#4")
                     EP_CODES_END);
}

#else

static void ep_palette_2_sums(const uint32_t *x, const int32_t *codes, const uint32_t *end, int32_t *sums, const uint32_t *table)
{
    ep_palette_sums(x, codes, end, sums, table, 2);
}

#endif

EP_KERNEL void ep_fully_connected_palette_2_dsp(const struct ep_fully_connected_codes *op, const int8_t *input, int8_t *output, void *scratch)
{
    ep_codes_palette_dsp(op, input, output, scratch, ep_palette_2_sums);
}

#endif
