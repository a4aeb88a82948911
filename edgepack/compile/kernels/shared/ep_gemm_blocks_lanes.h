/* Two pixels times filters of which only the blocks that are not zero are there, on cores without SIMD: both pixels in one word, as
 * in ep_gemm_lanes.h.
 *
 * For each filter the stream holds what ep_gemm_blocks.h has before the constants; but the gaps of a first round that is short
 * begin in the lowest bits as well. */
#ifndef EP_GEMM_BLOCKS_LANES_H
#define EP_GEMM_BLOCKS_LANES_H

#include "ep_pack_lanes.h"

#if EP_LANES_ASSEMBLY

/* Registers as in ep_gemm_lanes, but r1 stream, r10 end of a filter, r12 gaps, lr end of the sums. 27 instructions (32 cycles on M0+)
 * for 8 multiply-accumulates, 54 bytes. */
#define EP_GEMM_BLOCKS_LANES_FOUR \
    "mov r5,r12\n" \
    "lsls r6,r5,#28\n" \
    "lsrs r6,r6,#24\n" \
    "adds r0,r0,r6\n" \
    "lsrs r5,r5,#4\n" \
    "mov r12,r5\n" \
    EP_GEMM_LANES_FOUR

/* Dot products of both pixels with `channels` filters, to sums[0], sums[1], ... in pairs. */
EP_LANES_NAKED void ep_gemm_blocks_lanes(EP_LANES_ARGUMENT const int32_t *x, EP_LANES_ARGUMENT const int32_t *stream,
                                         EP_LANES_ARGUMENT int32_t *sums, EP_LANES_ARGUMENT int32_t channels)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r7,lr}\n"
        "mov r4,r8\n"
        "mov r5,r9\n"
        "mov r6,r10\n"
        "mov r7,r11\n"
        "push {r4-r7}\n"
        "mov r9,r0\n"
        "mov r11,r2\n"
        "lsls r3,r3,#3\n"
        "adds r3,r2,r3\n"
        "mov lr,r3\n"
        "1:\n"
        "ldm r1!,{r4}\n"
        "lsrs r5,r4,#16\n"
        "adds r5,r1,r5\n"
        "mov r10,r5\n"
        "uxth r4,r4\n"
        "adr r5,3f\n"
        "adds r4,r4,r5\n"
        "mov r0,r9\n"
        "movs r7,#0\n"
        "mov r8,r7\n"
        "ldm r1!,{r5}\n"
        "mov r12,r5\n"
        "bx r4\n"
        "2:\n"
        "ldm r1!,{r5}\n"
        "mov r12,r5\n"
        ".p2align 2\n"
        "3:\n"
        ".rept 8\n" EP_GEMM_BLOCKS_LANES_FOUR ".endr\n"
        "cmp r1,r10\n"
        "beq.n 4f\n"
        "b.n 2b\n"
        "4:\n"
        "lsls r5,r7,#16\n"
        "mov r6,r8\n"
        "subs r6,r6,r5\n"
        "mov r5,r11\n"
        "stm r5!,{r6,r7}\n"
        "mov r11,r5\n"
        "cmp r5,lr\n"
        "beq.n 5f\n"
        "b.n 1b\n"
        "5:\n"
        "pop {r4-r7}\n"
        "mov r8,r4\n"
        "mov r9,r5\n"
        "mov r10,r6\n"
        "mov r11,r7\n"
        "pop {r4-r7,pc}\n");
}

#else

static void ep_gemm_blocks_lanes(const int32_t *x, const int32_t *stream, int32_t *sums, int32_t channels)
{
    for (; channels > 0; channels--, sums += 2) {
        const int32_t *const end = stream + 1 + ((uint32_t)stream[0] >> 18), *values = x;
        int32_t block = ((stream[0] & 0xFFFF) - 1) / 54, second = 0, k;
        uint32_t words = 0;
        for (stream++; stream < end; block = 0) {
            uint32_t gaps = (uint32_t)*stream++;
            for (; block < 8; block++, gaps >>= 4, stream++, values += 4) {
                values += 4 * (gaps & 15u);
                for (k = 0; k < 4; k += 2) {
                    const uint32_t weights = (uint32_t)*stream >> 8 * k;
                    const uint32_t two = (uint32_t)values[k] * (uint32_t)(int8_t)(weights & 0xFFu) +
                                         (uint32_t)values[k + 1] * (uint32_t)(int8_t)(weights >> 8 & 0xFFu);
                    words += two;
                    second += ((int32_t)two >> 16) + (int32_t)(two >> 15 & 1u);
                }
            }
        }
        sums[0] = (int32_t)(words - ((uint32_t)second << 16));
        sums[1] = second;
    }
}

#endif

#endif
