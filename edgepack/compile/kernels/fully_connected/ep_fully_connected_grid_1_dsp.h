/* FULLY_CONNECTED, int8, from codes of 1 bit on a grid, for the DSP extension. */
#ifndef EP_FULLY_CONNECTED_GRID_1_DSP_H
#define EP_FULLY_CONNECTED_GRID_1_DSP_H

#include "ep_codes_grid_dsp.h"

#if EP_ASSEMBLY

EP_LONG_ASSEMBLY_BEGIN
/* 140 instructions for 128 multiply-accumulates. */
EP_NAKED void ep_grid_1_sums(EP_ARGUMENT const uint32_t *x, EP_ARGUMENT const int32_t *codes, EP_ARGUMENT const uint32_t *end,
                             EP_ARGUMENT int32_t *sums, EP_ARGUMENT const uint32_t *table)
{
    __asm__ volatile(EP_GRID_BEGIN("0x00010001")
                     EP_GRID_FIRST("1")
                     EP_GRID_TWO("2", "3")
                     EP_GRID_TWO("4", "5")
                     EP_GRID_TWO("6", "7")
                     EP_GRID_TWO("8", "9")
                     EP_GRID_TWO("10", "11")
                     EP_GRID_TWO("12", "13")
                     EP_GRID_TWO("14", "15")
                     EP_CODES_END);
}
EP_LONG_ASSEMBLY_END

#else

static void ep_grid_1_sums(const uint32_t *x, const int32_t *codes, const uint32_t *end, int32_t *sums, const uint32_t *table)
{
    (void)table;
    ep_grid_sums(x, codes, end, sums, 1);
}

#endif

EP_KERNEL void ep_fully_connected_grid_1_dsp(const struct ep_fully_connected_codes *op, const int8_t *input, int8_t *output, void *scratch)
{
    ep_codes_grid_dsp(op, input, output, scratch, ep_grid_1_sums);
}

#endif
