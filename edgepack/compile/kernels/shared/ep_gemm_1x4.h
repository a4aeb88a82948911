/* One row of values times a stream of weights (ep_gemm.h). `x` holds the values as int16, in pairs (k, k'). */
#ifndef EP_GEMM_1X4_H
#define EP_GEMM_1X4_H

#include "ep_gemm.h"

#if EP_ASSEMBLY

/* Registers: r0 x, r1 stream, r2 r3 r12 lr four pairs of values, r4 to r7 sums A to D, r8 to r11 two pairs' weights.
 * 27 instructions (39 cycles on M4) for 32 multiply-accumulates. */
#define EP_GEMM_1X4_SUMS(a, b) \
    "sub " b "," b "," a "\n" \
    "add " a ",r0," a ",lsl #8\n"

#define EP_GEMM_1X4_CONSTANTS "ldm r1!,{r0,r12,lr}\n"

#define EP_GEMM_1X4_ONE_SIDED(a, b) \
    EP_GEMM_1X4_SUMS(a, b) \
    EP_GEMM_ONE_SIDED(a, "r12", "r2") \
    EP_GEMM_ONE_SIDED(b, "lr", "r2")

#define EP_GEMM_1X4_SHORT(a, b) \
    EP_GEMM_1X4_SUMS(a, b) \
    EP_GEMM_SHORT(a, "r12", "r8", "r2") \
    "uxtb r0," b "\n" \
    EP_GEMM_SHORT(b, "lr", "r8", "r2")

#define EP_GEMM_1X4_WIDE_ONE(c) \
    EP_GEMM_WIDE(c, "r8") \
    EP_GEMM_PLACE("r8") \
    "strb " c ",[r2,r8]\n"

#define EP_GEMM_1X4_WIDE(a, b) \
    EP_GEMM_1X4_WIDE_ONE(a) \
    EP_GEMM_1X4_CONSTANTS \
    EP_GEMM_1X4_WIDE_ONE(b)

#define EP_GEMM_1X4_SHIFTED_ONE(c) \
    EP_GEMM_SHIFTED(c) \
    EP_GEMM_PLACE("r12") \
    "strb " c ",[r2,r12]\n"

#define EP_GEMM_1X4_SHIFTED(a, b) \
    EP_GEMM_1X4_SHIFTED_ONE(a) \
    EP_GEMM_1X4_CONSTANTS \
    EP_GEMM_1X4_SHIFTED_ONE(b)

/* Stack: 0 end of x, 4 x, 8 number of pairs, 12 output, then the saved registers, 52 half. After the loop V is clear, and nothing from
 * the mark on changes the carry, which holds bit 31. */
EP_NAKED void ep_gemm_1x4(EP_ARGUMENT const int32_t *x, EP_ARGUMENT int32_t pairs, EP_ARGUMENT int8_t *out,
                          EP_ARGUMENT const int32_t *stream, EP_ARGUMENT int32_t half)
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
        "beq.w 2f\n"
        "ldrd r12,lr,[r0],#8\n"
        "b.n 3f\n"
        EP_GEMM_1X4_LOOP
        EP_GEMM_1X4_CONSTANTS
        "ldr r2,[sp,#12]\n"
        "lsls r12,r12,#1\n"
        "ble.w 5f\n"
        EP_GEMM_1X4_ONE_SIDED("r4", "r5")
        EP_GEMM_1X4_CONSTANTS
        EP_GEMM_1X4_ONE_SIDED("r6", "r7")
        "4:\n"
        "str r2,[sp,#12]\n"
        "bcc.w 1b\n"
        "add sp,sp,#16\n"
        "pop {r4-r11,pc}\n"
        "5:\n"
        "beq.w 6f\n"
        "lsr r12,r12,#1\n"
        "ldr r8,[sp,#52]\n"
        EP_GEMM_1X4_SHORT("r4", "r5")
        EP_GEMM_1X4_CONSTANTS
        EP_GEMM_1X4_SHORT("r6", "r7")
        "b.n 4b\n"
        "6:\n"
        EP_GEMM_1X4_SUMS("r4", "r5")
        "tst lr,lr\n"
        "bmi.w 9f\n"
        "ldrd r0,r12,[r1],#8\n"
        EP_GEMM_ARE_SHIFTED
        "bne.w 7f\n"
        EP_GEMM_1X4_WIDE("r4", "r5")
        "ldr r0,[r1],#4\n"
        EP_GEMM_1X4_SUMS("r6", "r7")
        EP_GEMM_1X4_CONSTANTS
        EP_GEMM_1X4_WIDE("r6", "r7")
        "8:\n"
        "add r2,r2,lr,asr #16\n"
        "b.w 4b\n"
        "7:\n"
        EP_GEMM_1X4_SHIFTED("r4", "r5")
        "ldr r0,[r1],#4\n"
        EP_GEMM_1X4_SUMS("r6", "r7")
        EP_GEMM_1X4_CONSTANTS
        EP_GEMM_1X4_SHIFTED("r6", "r7")
        "b.n 8b\n"
        "9:\n"
        "ldrd r0,r12,[r1],#8\n"
        EP_GEMM_SHIFTED_NEXT("r4", "r0", "r2")
        EP_GEMM_NEXT_SHIFT
        EP_GEMM_SHIFTED_NEXT("r5", "r12", "r2")
        EP_GEMM_NEXT_SHIFT
        "ldm r1!,{r0,r4,r5}\n"
        EP_GEMM_1X4_SUMS("r6", "r7")
        EP_GEMM_SHIFTED_NEXT("r6", "r4", "r2")
        EP_GEMM_LAST_SHIFT
        EP_GEMM_SHIFTED_NEXT("r7", "r5", "r2")
        "b.w 4b\n");
}

#else

static void ep_gemm_1x4(const int32_t *x, int32_t pairs, int8_t *out, const int32_t *stream, int32_t half)
{
    const int32_t *constants;
    int32_t second;
    do {
        constants = stream + 2 + 2 * pairs;
        for (second = 0; second < 2; second++) {
            int32_t a, b = stream[second];
            ep_gemm_sums(x, 1, pairs, stream + 2 + second, &a, &b);
            ep_gemm_store(a, b, constants, second, half, out);
        }
        stream = constants + ep_gemm_constants(constants);
        out += ep_gemm_step(constants);
    } while (!ep_gemm_last(constants));
}

#endif

#endif
