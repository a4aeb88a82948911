/* Widen two pixels' int8 values to the interleaved int16 pairs that ep_gemm_2x4.h reads.
 *
 * Of four values the first pair is (0, 2), the second (1, 3). */
#ifndef EP_WIDEN_TWO_H
#define EP_WIDEN_TWO_H

#include "ep_assembly.h"

/* `rows` rows of `words` words of four values, at a and b, which step on by `skip` bytes from a row's end to the next. */
#if EP_ASSEMBLY

/* 13 instructions (22 cycles on M4) for 16 values. */
#define EP_WIDEN_TWO_WORDS \
    "ldr r6, [r1], #4\n" \
    "ldr r10, [r1], #4\n" \
    "ldr r7, [r2], #4\n" \
    "ldr r11, [r2], #4\n" \
    "sxtb16 r4, r6\n" \
    "sxtb16 r5, r7\n" \
    "sxtb16 r6, r6, ror #8\n" \
    "sxtb16 r7, r7, ror #8\n" \
    "sxtb16 r8, r10\n" \
    "sxtb16 r9, r11\n" \
    "sxtb16 r10, r10, ror #8\n" \
    "sxtb16 r11, r11, ror #8\n" \
    "stm r0!, {r4-r11}\n"

EP_NAKED EP_ARGUMENT int32_t *ep_widen_two(EP_ARGUMENT int32_t *x, EP_ARGUMENT const int8_t *a, EP_ARGUMENT const int8_t *b,
                                           EP_ARGUMENT int32_t words, EP_ARGUMENT int32_t rows, EP_ARGUMENT int32_t skip)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "ldr lr, [sp, #36]\n"
        "1:\n"
        "subs r12, r3, #4\n"
        "blt.n 3f\n"
        "2:\n" EP_WIDEN_TWO_WORDS EP_WIDEN_TWO_WORDS
        "subs r12, #4\n"
        "bge.n 2b\n"
        "3:\n"
        "adds r12, #4\n"
        "beq.n 5f\n"
        "4:\n"
        "ldr r6, [r1], #4\n"
        "ldr r7, [r2], #4\n"
        "sxtb16 r4, r6\n"
        "sxtb16 r5, r7\n"
        "sxtb16 r6, r6, ror #8\n"
        "sxtb16 r7, r7, ror #8\n"
        "stm r0!, {r4-r7}\n"
        "subs r12, #1\n"
        "bne.n 4b\n"
        "5:\n"
        "subs lr, #1\n"
        "ittt ne\n"
        "ldrne r12, [sp, #40]\n"
        "addne r1, r12\n"
        "addne r2, r12\n"
        "bne.n 1b\n"
        "pop {r4-r11, pc}\n");
}

#else

static int32_t *ep_widen_two(int32_t *x, const int8_t *a, const int8_t *b, int32_t words, int32_t rows, int32_t skip)
{
    int32_t row, word;
    for (row = 0; row < rows; row++, a += skip, b += skip) {
        for (word = 0; word < words; word++, a += 4, b += 4) {
            *x++ = (int32_t)ep_sxtb16(ep_load4(a));
            *x++ = (int32_t)ep_sxtb16(ep_load4(b));
            *x++ = (int32_t)ep_sxtb16_odd(ep_load4(a));
            *x++ = (int32_t)ep_sxtb16_odd(ep_load4(b));
        }
    }
    return x;
}

#endif

#endif
