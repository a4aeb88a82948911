/* Two pixels times a stream of weights (ep_gemm.h).
 *
 * `x` holds the pixels' values as int16, each pair of the first pixel beside the same pair of the second:
 *     x[2 * k] = values (k, k') of the first pixel, x[2 * k + 1] = of the second. */
#ifndef EP_GEMM_2X4_H
#define EP_GEMM_2X4_H

#include "ep_gemm.h"

#if EP_ASSEMBLY

/* Registers: r0 x, r1 stream, r2 r3 a pair of each pixel, r4 to r7 sums A to D of the first pixel, r8 to r11 of the second,
 * r12 lr weights. 12 instructions (16 cycles on M4) for 16 multiply-accumulates. */
#define EP_GEMM_PAIR \
    "ldrd r12, lr, [r1], #8\n" \
    "ldrd r2, r3, [r0], #8\n" \
    "smlad r5, r12, r2, r5\n" \
    "smlad r9, r12, r3, r9\n" \
    "smlad r7, lr, r2, r7\n" \
    "smlad r11, lr, r3, r11\n" \
    "sxtb16 r12, r12\n" \
    "sxtb16 lr, lr\n" \
    "smlad r4, r12, r2, r4\n" \
    "smlad r8, r12, r3, r8\n" \
    "smlad r6, lr, r2, r6\n" \
    "smlad r10, lr, r3, r10\n"

/* The first pair: sums B and D begin with their biases, in r5 and r7, sums A and C with nothing. */
#define EP_GEMM_FIRST_PAIR \
    "ldrd r5, r7, [r1], #8\n" \
    "ldrd r12, lr, [r1], #8\n" \
    "ldrd r2, r3, [r0], #8\n" \
    "smlad r9, r12, r3, r5\n" \
    "smlad r5, r12, r2, r5\n" \
    "smlad r11, lr, r3, r7\n" \
    "smlad r7, lr, r2, r7\n" \
    "sxtb16 r12, r12\n" \
    "sxtb16 lr, lr\n" \
    "smuad r4, r12, r2\n" \
    "smuad r8, r12, r3\n" \
    "smuad r6, lr, r2\n" \
    "smuad r10, lr, r3\n"

#define EP_GEMM_TWO_SUMS(a0, a1, b0, b1) \
    "sub " b0 ", " b0 ", " a0 "\n" \
    "sub " b1 ", " b1 ", " a1 "\n" \
    "add " a0 ", r0, " a0 ", lsl #8\n" \
    "add " a1 ", r0, " a1 ", lsl #8\n"

#define EP_GEMM_ONE_SIDED_TWO(a0, a1, b0, b1) \
    EP_GEMM_TWO_SUMS(a0, a1, b0, b1) \
    EP_GEMM_ONE_SIDED(a0, "r12", "r2") \
    EP_GEMM_ONE_SIDED(a1, "r12", "r3") \
    EP_GEMM_ONE_SIDED(b0, "lr", "r2") \
    EP_GEMM_ONE_SIDED(b1, "lr", "r3")

/* lr holds half; `next` brings multiplier B, unless it is in a register already. */
#define EP_GEMM_SHORT_TWO(a0, a1, b0, b1, multiplier_a, next, multiplier_b) \
    EP_GEMM_TWO_SUMS(a0, a1, b0, b1) \
    EP_GEMM_SHORT(a0, multiplier_a, "lr", "r2") \
    EP_GEMM_SHORT(a1, multiplier_a, "lr", "r3") \
    "uxtb r0, " b0 "\n" \
    next \
    EP_GEMM_SHORT(b0, multiplier_b, "lr", "r2") \
    EP_GEMM_SHORT(b1, multiplier_b, "lr", "r3")

#define EP_GEMM_WIDE_ONE(c0, c1, spare) \
    EP_GEMM_WIDE(c0, spare) \
    EP_GEMM_WIDE(c1, spare) \
    EP_GEMM_PLACE(spare) \
    "strb " c0 ", [r2, " spare "]\n" \
    "strb " c1 ", [r3, " spare "]\n"

#define EP_GEMM_WIDE_TWO(a0, a1, b0, b1, spare) \
    EP_GEMM_WIDE_ONE(a0, a1, spare) \
    "ldm r1!, {r0, r12, lr}\n" \
    EP_GEMM_WIDE_ONE(b0, b1, spare)

#define EP_GEMM_SHIFTED_ONE(c0, c1) \
    EP_GEMM_SHIFTED(c0) \
    EP_GEMM_SHIFTED(c1) \
    EP_GEMM_PLACE("r12") \
    "strb " c0 ", [r2, r12]\n" \
    "strb " c1 ", [r3, r12]\n"

#define EP_GEMM_SHIFTED_TWO(a0, a1, b0, b1) \
    EP_GEMM_SHIFTED_ONE(a0, a1) \
    "ldm r1!, {r0, r12, lr}\n" \
    EP_GEMM_SHIFTED_ONE(b0, b1)

#define EP_GEMM_SHIFTED_NEXT_TWO(c0, c1, multiplier) \
    EP_GEMM_SHIFTED_NEXT(c0, multiplier, "r2") \
    EP_GEMM_SHIFTED_NEXT(c1, multiplier, "r3")

#define EP_GEMM_NEXT_GROUP \
    "strd r2, r3, [sp, #12]\n" \
    "bcc.w 1b\n" \
    "add sp, sp, #20\n" \
    "pop {r4-r11, pc}\n"

/* At least two pairs. The loop of the other pairs is 16 long, entered so that it ends with the last; after it V is clear. Nothing
 * from the mark on changes the carry, which holds bit 31.
 * Stack: 0 end of x, 4 where to enter the loop, 8 x, 12 and 16 outputs, then the saved registers, 56 stream, 60 half. */
EP_LONG_ASSEMBLY_BEGIN
EP_NAKED void ep_gemm_2x4(EP_ARGUMENT const int32_t *x, EP_ARGUMENT int32_t pairs, EP_ARGUMENT int8_t *out_0,
                          EP_ARGUMENT int8_t *out_1, EP_ARGUMENT const int32_t *stream, EP_ARGUMENT int32_t half)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        "ldr r4, [sp, #36]\n"
        "push {r0, r2, r3}\n"
        "add r6, r0, r1, lsl #3\n"
        "rsb r7, r1, #1\n"
        "and r7, r7, #15\n"
        "add r7, r7, r7, lsl #1\n"
        "adr r8, 2f\n"
        "add r7, r8, r7, lsl #4\n" /* 48 bytes a pair */
        "orr r7, r7, #1\n"
        "push {r6, r7}\n"
        "mov r1, r4\n"
        "1:\n"
        "ldr r0, [sp, #8]\n"
        EP_GEMM_FIRST_PAIR
        "ldr pc, [sp, #4]\n"
        ".p2align 2\n"
        "2:\n"
        ".rept 16\n" EP_GEMM_PAIR ".endr\n"
        "ldr r2, [sp]\n"
        "cmp r0, r2\n"
        "bne.w 2b\n"
        "ldm r1!, {r0, r12, lr}\n"
        "ldrd r2, r3, [sp, #12]\n"
        "lsls r12, r12, #1\n"
        "ble.w 4f\n"
        EP_GEMM_ONE_SIDED_TWO("r4", "r8", "r5", "r9")
        "ldm r1!, {r0, r12, lr}\n"
        EP_GEMM_ONE_SIDED_TWO("r6", "r10", "r7", "r11")
        "3:\n"
        EP_GEMM_NEXT_GROUP
        "4:\n"
        "beq.w 5f\n"
        "lsr r12, r12, #1\n"
        "ldr lr, [sp, #60]\n"
        EP_GEMM_SHORT_TWO("r4", "r8", "r5", "r9", "r12", "ldr r12, [r1, #-4]\n", "r12")
        "ldm r1!, {r0, r4, r12}\n"
        EP_GEMM_SHORT_TWO("r6", "r10", "r7", "r11", "r4", "", "r12")
        "b.n 3b\n"
        "5:\n"
        EP_GEMM_TWO_SUMS("r4", "r8", "r5", "r9")
        "tst lr, lr\n"
        "bmi.w 8f\n"
        "ldrd r0, r12, [r1], #8\n"
        EP_GEMM_ARE_SHIFTED
        "bne.w 6f\n"
        "push {r6}\n"
        EP_GEMM_WIDE_TWO("r4", "r8", "r5", "r9", "r6")
        "pop {r6}\n"
        "ldr r0, [r1], #4\n"
        EP_GEMM_TWO_SUMS("r6", "r10", "r7", "r11")
        "ldm r1!, {r0, r12, lr}\n"
        EP_GEMM_WIDE_TWO("r6", "r10", "r7", "r11", "r4")
        "7:\n"
        "add r2, r2, lr, asr #16\n"
        "add r3, r3, lr, asr #16\n"
        EP_GEMM_NEXT_GROUP
        "6:\n"
        EP_GEMM_SHIFTED_TWO("r4", "r8", "r5", "r9")
        "ldr r0, [r1], #4\n"
        EP_GEMM_TWO_SUMS("r6", "r10", "r7", "r11")
        "ldm r1!, {r0, r12, lr}\n"
        EP_GEMM_SHIFTED_TWO("r6", "r10", "r7", "r11")
        "b.n 7b\n"
        "8:\n"
        "ldrd r0, r12, [r1], #8\n"
        EP_GEMM_SHIFTED_NEXT_TWO("r4", "r8", "r0")
        EP_GEMM_NEXT_SHIFT
        EP_GEMM_SHIFTED_NEXT_TWO("r5", "r9", "r12")
        EP_GEMM_NEXT_SHIFT
        "ldm r1!, {r0, r4, r5}\n"
        EP_GEMM_TWO_SUMS("r6", "r10", "r7", "r11")
        EP_GEMM_SHIFTED_NEXT_TWO("r6", "r10", "r4")
        EP_GEMM_LAST_SHIFT
        EP_GEMM_SHIFTED_NEXT_TWO("r7", "r11", "r5")
        "b.w 3b\n");
}
EP_LONG_ASSEMBLY_END

#else

static void ep_gemm_2x4(const int32_t *x, int32_t pairs, int8_t *out_0, int8_t *out_1, const int32_t *stream, int32_t half)
{
    const int32_t *constants;
    int32_t pixel, second;
    do {
        constants = stream + 2 + 2 * pairs;
        for (pixel = 0; pixel < 2; pixel++) {
            for (second = 0; second < 2; second++) {
                int32_t a, b = stream[second];
                ep_gemm_sums(x + pixel, 2, pairs, stream + 2 + second, &a, &b);
                ep_gemm_store(a, b, constants, second, half, pixel == 0 ? out_0 : out_1);
            }
        }
        stream = constants + ep_gemm_constants(constants);
        out_0 += ep_gemm_step(constants);
        out_1 += ep_gemm_step(constants);
    } while (!ep_gemm_last(constants));
}

#endif

#endif
