/* A row of int8 values times a filter of which only the blocks that are not zero are there, on cores without SIMD.
 *
 * `filter` is one of ep_gemm_blocks_lanes.h's stream, but for where to begin in a round. */
#ifndef EP_GEMM_BLOCKS_ROW_LANES_H
#define EP_GEMM_BLOCKS_ROW_LANES_H

#include "ep_common.h"
#include "ep_lanes_assembly.h"

#if EP_LANES_ASSEMBLY

#define EP_GEMM_BLOCKS_ROW_LANES_ONE \
    "ldrsb r3,[r0,r4]\n" \
    "adds r0,#1\n" \
    "sxtb r5,r2\n" \
    "lsrs r2,r2,#8\n" \
    "muls r5,r3,r5\n" \
    "adds r7,r7,r5\n"

/* Registers: r0 x, r1 filter, r2 weights, r3 r5 r6 for a moment, r4 zero, r7 sum, r12 gaps, lr end of the filter. 30 instructions
 * (35 cycles on M0+) for 4 multiply-accumulates, 60 bytes. */
EP_LANES_NAKED EP_LANES_ARGUMENT int32_t ep_gemm_blocks_row_lanes(EP_LANES_ARGUMENT const int8_t *x,
                                                                  EP_LANES_ARGUMENT const int32_t *filter)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r7,lr}\n"
        "ldm r1!,{r2}\n"
        "lsrs r3,r2,#16\n"
        "adds r3,r1,r3\n"
        "mov lr,r3\n"
        "uxth r2,r2\n"
        "adr r3,3f\n"
        "adds r2,r2,r3\n"
        "movs r7,#0\n"
        "movs r4,#0\n"
        "ldm r1!,{r5}\n"
        "mov r12,r5\n"
        "bx r2\n"
        "2:\n"
        "ldm r1!,{r5}\n"
        "mov r12,r5\n"
        ".p2align 2\n"
        "3:\n"
        ".rept 8\n"
        "mov r5,r12\n"
        "lsls r6,r5,#28\n"
        "lsrs r6,r6,#26\n"
        "adds r0,r0,r6\n"
        "lsrs r5,r5,#4\n"
        "mov r12,r5\n"
        "ldm r1!,{r2}\n"
        EP_GEMM_BLOCKS_ROW_LANES_ONE
        EP_GEMM_BLOCKS_ROW_LANES_ONE
        EP_GEMM_BLOCKS_ROW_LANES_ONE
        "ldrsb r3,[r0,r4]\n"
        "adds r0,#1\n"
        "sxtb r2,r2\n"
        "muls r2,r3,r2\n"
        "adds r7,r7,r2\n"
        ".endr\n"
        "cmp r1,lr\n"
        "beq.n 4f\n"
        "b.n 2b\n"
        "4:\n"
        "mov r0,r7\n"
        "pop {r4-r7,pc}\n");
}

#else

static int32_t ep_gemm_blocks_row_lanes(const int8_t *x, const int32_t *filter)
{
    const int32_t *const end = filter + 1 + ((uint32_t)filter[0] >> 18);
    int32_t block = ((filter[0] & 0xFFFF) - 1) / 60, sum = 0, k;
    for (filter++; filter < end; block = 0) {
        uint32_t gaps = (uint32_t)*filter++;
        for (; block < 8; block++, gaps >>= 4, filter++, x += 4) {
            x += 4 * (gaps & 15u);
            for (k = 0; k < 4; k++) {
                sum += x[k] * (int8_t)((uint32_t)*filter >> 8 * k & 0xFFu);
            }
        }
    }
    return sum;
}

#endif

#endif
