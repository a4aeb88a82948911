/* One row of values times the weights of four output channels, whose sums are left as they are: the weights of a stream
 * (ep_gemm.h) without what belongs to one layer, so that layers with the same weights share them.
 *
 * `x` holds the values as int16, in pairs (k, k'), and `weights` for each pair (256 B + A), (256 D + C); `pairs` is even and at least
 * two. sums = A, 256 B + A, C, 256 D + C. */
#ifndef EP_GEMM_SUMS_H
#define EP_GEMM_SUMS_H

#include "ep_gemm.h"

#if EP_ASSEMBLY

/* Registers as in ep_gemm_1x4. Stack: 0 end of x, 4 sums, then the saved registers. */
EP_NAKED void ep_gemm_sums_1x4(EP_ARGUMENT const int32_t *x, EP_ARGUMENT int32_t pairs, EP_ARGUMENT int32_t *sums,
                               EP_ARGUMENT const int32_t *weights)
{
    __asm__ volatile(
        "push {r4-r11,lr}\n"
        "push {r2}\n"
        "add r4,r0,r1,lsl #2\n"
        "push {r4}\n"
        "mov r4,#0\n"
        "mov r5,#0\n"
        "mov r6,#0\n"
        "mov r7,#0\n"
        "tst r1,#2\n"
        "mov r1,r3\n"
        "beq.n 2f\n"
        "ldrd r12,lr,[r0],#8\n"
        "b.n 3f\n"
        EP_GEMM_1X4_LOOP
        "ldr r2,[sp,#4]\n"
        "stm r2,{r4-r7}\n"
        "add sp,sp,#8\n"
        "pop {r4-r11,pc}\n");
}

#else

static void ep_gemm_sums_1x4(const int32_t *x, int32_t pairs, int32_t *sums, const int32_t *weights)
{
    int32_t channel, k;
    for (channel = 0; channel < 4; channel++) {
        const int32_t *w = weights + channel / 2;
        int32_t sum = 0;
        for (k = 0; k < pairs; k++, w += 2) {
            const uint32_t word = channel % 2 != 0 ? (uint32_t)*w : ep_sxtb16((uint32_t)*w);
            sum = ep_smlad(word, (uint32_t)x[k], sum);
        }
        sums[channel] = sum;
    }
}

#endif

#endif
