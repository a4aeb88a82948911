/* One row of values times a stream of weights (ep_gemm.h). `x` holds the values as int16, in pairs (k, k'). */
#ifndef EP_GEMM_1X4_H
#define EP_GEMM_1X4_H

#include "ep_gemm.h"

#if EP_ASSEMBLY

/* Registers: r0 x, r1 stream, r2 r3 r12 lr four pairs of values, r4 to r7 sums A to D, r8 to r11 two pairs' weights.
 * 27 instructions (39 cycles on M4) for 32 multiply-accumulates. */
#define EP_GEMM_1X4_ONE_SIDED(a, b) \
    "ldm r1!,{r0,r12,lr}\n" \
    "sub " b "," b "," a "\n" \
    "add " a ",r0," a ",lsl #8\n" \
    EP_GEMM_ONE_SIDED(a, "r12", "r2") \
    EP_GEMM_ONE_SIDED(b, "lr", "r2")

#define EP_GEMM_1X4_EXACT(a, b) \
    "ldr r0,[r1],#4\n" \
    "sub " b "," b "," a "\n" \
    "add " a ",r0," a ",lsl #8\n" \
    "ldm r1!,{r0,r12,lr}\n" \
    EP_GEMM_EXACT(a, "r8", "r2") \
    "ldm r1!,{r0,r12,lr}\n" \
    EP_GEMM_EXACT(b, "r8", "r2")

/* Stack: 0 end of x, 4 x, 8 number of pairs, 12 output, then the saved registers. */
EP_NAKED void ep_gemm_1x4(EP_ARGUMENT const int32_t *x, EP_ARGUMENT int32_t pairs, EP_ARGUMENT int8_t *out,
                          EP_ARGUMENT const int32_t *stream)
{
    __asm__ volatile(
        "push {r4-r11,lr}\n"
        "push {r0-r2}\n"
        "add r0,r0,r1,lsl #2\n"
        "push {r0}\n"
        "mov r1,r3\n"
        "1:\n"
        "ldrd r5,r7,[r1],#8\n"
        "mov r4,#0\n"
        "mov r6,#0\n"
        "ldrd r0,r2,[sp,#4]\n"
        "tst r2,#2\n"
        "beq.n 2f\n"
        "ldrd r12,lr,[r0],#8\n"
        "b.n 3f\n"
        EP_GEMM_1X4_LOOP
        "ldr r0,[r1],#4\n"
        "ldr r2,[sp,#12]\n"
        "lsls r0,r0,#1\n"
        "bmi.n 5f\n"
        EP_GEMM_1X4_ONE_SIDED("r4", "r5")
        EP_GEMM_1X4_ONE_SIDED("r6", "r7")
        "4:\n"
        "str r2,[sp,#12]\n"
        "bcc.w 1b\n"
        "add sp,sp,#16\n"
        "pop {r4-r11,pc}\n"
        "5:\n"
        EP_GEMM_1X4_EXACT("r4", "r5")
        EP_GEMM_1X4_EXACT("r6", "r7")
        "b.n 4b\n");
}

#else

static void ep_gemm_1x4(const int32_t *x, int32_t pairs, int8_t *out, const int32_t *stream)
{
    int32_t half, flags;
    do {
        const int32_t *const w = stream + 2, *const rest = w + 2 * pairs + 1;
        flags = rest[-1];
        for (half = 0; half < 2; half++) {
            const int exact = EP_GEMM_EXACTLY(flags);
            int32_t a, b = stream[half];
            ep_gemm_sums(x, 1, pairs, w + half, &a, &b);
            ep_gemm_store(a, b, rest + (exact ? 7 : 3) * half, exact, out + 2 * half);
        }
        stream = rest + EP_GEMM_CONSTANTS(EP_GEMM_EXACTLY(flags));
        out += 4;
    } while (!EP_GEMM_LAST(flags));
}

#endif

#endif
