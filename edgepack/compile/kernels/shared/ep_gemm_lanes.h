/* Two pixels times rows of int8 weights on cores without SIMD: both pixels in one word, two multiply-accumulates in one MULS.
 *
 * x[k] = (value k of the first pixel) + 65536 * (value k of the second), as a sum of signed numbers. The product with a weight holds
 * both pixels' products in the same way; so does the sum of two such products, as 128 * 128 + 128 * 127 < 32768. Its upper half, rounded to
 * nearest, is the second pixel's part; the carry of a shift right by 16 is what rounds. Sums over all k of whole words
 * and of upper parts then give both dot products modulo 2^32. */
#ifndef EP_GEMM_LANES_H
#define EP_GEMM_LANES_H

#include "ep_pack_lanes.h"

#if EP_LANES_ASSEMBLY

/* Dot products of both pixels with `channels` rows of 4 * `quads` weights, to sums[0], sums[1], ... in pairs.
 *
 * Registers as EP_GEMM_LANES_FOUR has them, r9 x, r10 its end, r11 results, r12 channels left, lr where to enter the loop. */
EP_LANES_NAKED void ep_gemm_lanes(EP_LANES_ARGUMENT const int32_t *x, EP_LANES_ARGUMENT int32_t quads,
                                  EP_LANES_ARGUMENT const int8_t *weights, EP_LANES_ARGUMENT int32_t *sums,
                                  EP_LANES_ARGUMENT int32_t channels)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r7,lr}\n"
        "mov r4,r8\n"
        "mov r5,r9\n"
        "mov r6,r10\n"
        "mov r7,r11\n"
        "push {r4-r7}\n"
        "ldr r4,[sp,#36]\n"
        "mov r12,r4\n"
        "mov r11,r3\n"
        "mov r9,r0\n"
        "lsls r4,r1,#4\n"
        "adds r4,r0,r4\n"
        "mov r10,r4\n"
        "rsbs r4,r1,#0\n"   /* rounds left out in the first round of four */
        "lsls r4,r4,#30\n"
        "lsrs r4,r4,#30\n"
        "movs r5,#42\n"
        "muls r4,r5,r4\n"
        "adr r5,3f\n"
        "adds r4,r4,r5\n"
        "adds r4,r4,#1\n"
        "mov lr,r4\n"
        "mov r1,r2\n"
        "1:\n"
        "mov r0,r9\n"
        "movs r7,#0\n"
        "mov r8,r7\n"
        "bx lr\n"
        ".p2align 2\n"
        "3:\n"
        ".rept 4\n" EP_GEMM_LANES_FOUR ".endr\n"
        "cmp r0,r10\n"
        "bne.n 3b\n"
        "lsls r5,r7,#16\n"
        "mov r6,r8\n"
        "subs r6,r6,r5\n"
        "mov r5,r11\n"
        "stm r5!,{r6,r7}\n"
        "mov r11,r5\n"
        "mov r5,r12\n"
        "subs r5,#1\n"
        "mov r12,r5\n"
        "bne.n 1b\n"
        "pop {r4-r7}\n"
        "mov r8,r4\n"
        "mov r9,r5\n"
        "mov r10,r6\n"
        "mov r11,r7\n"
        "pop {r4-r7,pc}\n");
}

#else

static void ep_gemm_lanes(const int32_t *x, int32_t quads, const int8_t *weights, int32_t *sums, int32_t channels)
{
    for (; channels > 0; channels--, sums += 2) {
        uint32_t words = 0;
        int32_t second = 0, k;
        for (k = 0; k < 4 * quads; k += 2, weights += 2) {
            const uint32_t two = (uint32_t)x[k] * (uint32_t)weights[0] + (uint32_t)x[k + 1] * (uint32_t)weights[1];
            words += two;
            second += ((int32_t)two >> 16) + (int32_t)(two >> 15 & 1u);
        }
        sums[0] = (int32_t)(words - ((uint32_t)second << 16));
        sums[1] = second;
    }
}

#endif

#endif
