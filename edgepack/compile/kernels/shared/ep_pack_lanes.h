/* Two pixels in a word, for cores without SIMD, and four of their values times four weights: what ep_gemm_lanes.h and
 * ep_gemm_blocks_lanes.h share. */
#ifndef EP_PACK_LANES_H
#define EP_PACK_LANES_H

#include "ep_lanes_assembly.h"

#if EP_LANES_ASSEMBLY

/* Two values of k: weights in r5 and r6, the pixels' words in r2 and r3. */
#define EP_GEMM_LANES_TWO \
    "muls r5,r2,r5\n" \
    "muls r6,r3,r6\n" \
    "adds r5,r5,r6\n" \
    "add r8,r5\n" \
    "asrs r5,r5,#16\n" \
    "adcs r7,r5\n"

/* r0 x, r1 weights, r2 r3 pixels, r4 four weights, r5 r6 weights and products, r7 the second pixel's sum, r8 sum of words. 21
 * instructions (26 cycles on M0+) for 8 multiply-accumulates, 42 bytes of code. */
#define EP_GEMM_LANES_FOUR \
    "ldm r1!,{r4}\n" \
    "ldm r0!,{r2,r3}\n" \
    "sxtb r5,r4\n" \
    "lsrs r6,r4,#8\n" \
    "sxtb r6,r6\n" \
    EP_GEMM_LANES_TWO \
    "ldm r0!,{r2,r3}\n" \
    "asrs r4,r4,#16\n" \
    "sxtb r5,r4\n" \
    "asrs r6,r4,#8\n" \
    EP_GEMM_LANES_TWO

/* Put `count` values of two pixels into words. 7 instructions a value. */
EP_LANES_NAKED EP_LANES_ARGUMENT int32_t *ep_pack_lanes(EP_LANES_ARGUMENT int32_t *x, EP_LANES_ARGUMENT const int8_t *a,
                                                        EP_LANES_ARGUMENT const int8_t *b, EP_LANES_ARGUMENT int32_t count)
{
    __asm__ volatile(
        ".syntax unified\n"
        "push {r4-r6,lr}\n"
        "movs r4,#0\n"
        "1:\n"
        "ldrsb r5,[r1,r4]\n"
        "ldrsb r6,[r2,r4]\n"
        "lsls r6,r6,#16\n"
        "adds r5,r5,r6\n"
        "stm r0!,{r5}\n"
        "adds r4,#1\n"
        "cmp r4,r3\n"
        "bne.n 1b\n"
        "pop {r4-r6,pc}\n");
}

#else

static int32_t *ep_pack_lanes(int32_t *x, const int8_t *a, const int8_t *b, int32_t count)
{
    int32_t k;
    for (k = 0; k < count; k++) {
        *x++ = (int32_t)((uint32_t)a[k] + ((uint32_t)b[k] << 16));
    }
    return x;
}

#endif

#endif
