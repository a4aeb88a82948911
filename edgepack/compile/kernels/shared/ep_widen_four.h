/* Widen pixels' int8 values to the int16 pairs of four pixels side by side that ep_gemm_blocks.h reads.
 *
 * Of four values the first pair is (0, 2), the second (1, 3): the first pairs of four pixels, then their second ones. */
#ifndef EP_WIDEN_FOUR_H
#define EP_WIDEN_FOUR_H

#include "ep_assembly.h"

/* One pixel of the four: `words` words of four values. Returns where the next would go. */
EP_INLINE int32_t *ep_widen_one_of_four(int32_t *x, const int8_t *from, int32_t words)
{
    for (; words > 0; words--, x += 8, from += 4) {
        const uint32_t word = ep_load4(from);
        x[0] = (int32_t)ep_sxtb16(word);
        x[4] = (int32_t)ep_sxtb16_odd(word);
    }
    return x;
}

/* `rows` rows of `words` words of each of four pixels, at from[0] to from[3], which step on by `skip` bytes from a row's end. */
#if EP_ASSEMBLY

/* 13 instructions (22 cycles on M4) for 16 values, and two for the loop. */
EP_NAKED void ep_widen_four(EP_ARGUMENT int32_t *x, EP_ARGUMENT const int8_t *const *from, EP_ARGUMENT int32_t words,
                            EP_ARGUMENT int32_t rows, EP_ARGUMENT int32_t skip)
{
    __asm__ volatile(
        "push {r2, r4-r11, lr}\n"
        "mov lr, r3\n"
        "ldm r1, {r1-r3, r12}\n"
        "1:\n"
        "push {lr}\n"
        "ldr lr, [sp, #4]\n"
        "2:\n"
        "ldr r8, [r1], #4\n"
        "ldr r9, [r2], #4\n"
        "ldr r10, [r3], #4\n"
        "ldr r11, [r12], #4\n"
        "sxtb16 r4, r8\n"
        "sxtb16 r5, r9\n"
        "sxtb16 r6, r10\n"
        "sxtb16 r7, r11\n"
        "sxtb16 r8, r8, ror #8\n"
        "sxtb16 r9, r9, ror #8\n"
        "sxtb16 r10, r10, ror #8\n"
        "sxtb16 r11, r11, ror #8\n"
        "stm r0!, {r4-r11}\n"
        "subs lr, #1\n"
        "bne.n 2b\n"
        "pop {lr}\n"
        "ldr r4, [sp, #40]\n"
        "add r1, r4\n"
        "add r2, r4\n"
        "add r3, r4\n"
        "add r12, r4\n"
        "subs lr, #1\n"
        "bne.n 1b\n"
        "pop {r2, r4-r11, pc}\n");
}

#else

static void ep_widen_four(int32_t *x, const int8_t *const *from, int32_t words, int32_t rows, int32_t skip)
{
    int32_t row, pixel;
    for (row = 0; row < rows; row++, x += 8 * words) {
        for (pixel = 0; pixel < 4; pixel++) {
            (void)ep_widen_one_of_four(x + pixel, from[pixel] + row * (4 * words + skip), words);
        }
    }
}

#endif

#endif
