/* Copy `rows` rows of `bytes` bytes; they are `to_step` and `from_step` bytes apart. At most `bytes` bytes of each row are read. */
#ifndef EP_GATHER_ROWS_H
#define EP_GATHER_ROWS_H

#include "ep_assembly.h"

#if EP_ASSEMBLY

/* Words, then the last word once more where `bytes` is not a multiple of four; single bytes below four. */
EP_NAKED void ep_gather_rows(EP_ARGUMENT int8_t *to, EP_ARGUMENT const int8_t *from, EP_ARGUMENT int32_t bytes,
                             EP_ARGUMENT int32_t rows, EP_ARGUMENT int32_t to_step, EP_ARGUMENT int32_t from_step)
{
    __asm__ volatile(
        "push {r4-r8, lr}\n"
        "ldrd r4, r5, [sp, #24]\n"
        "cmp r3, #0\n"
        "ble.n 9f\n"
        "subs r6, r2, #4\n"
        "blt.n 5f\n"
        "1:\n"
        "mov r7, #0\n"
        "cbz r6, 3f\n"
        "2:\n"
        "ldr r8, [r1, r7]\n"
        "str r8, [r0, r7]\n"
        "adds r7, #4\n"
        "cmp r7, r6\n"
        "blt.n 2b\n"
        "3:\n"
        "ldr r8, [r1, r6]\n"
        "str r8, [r0, r6]\n"
        "add r1, r5\n"
        "add r0, r4\n"
        "subs r3, #1\n"
        "bne.n 1b\n"
        "pop {r4-r8, pc}\n"
        "5:\n"
        "mov r7, r2\n"
        "cbz r7, 9f\n"
        "6:\n"
        "subs r7, #1\n"
        "ldrb r8, [r1, r7]\n"
        "strb r8, [r0, r7]\n"
        "bne.n 6b\n"
        "add r1, r5\n"
        "add r0, r4\n"
        "subs r3, #1\n"
        "bne.n 5b\n"
        "9:\n"
        "pop {r4-r8, pc}\n");
}

#else

static void ep_gather_rows(int8_t *to, const int8_t *from, int32_t bytes, int32_t rows, int32_t to_step, int32_t from_step)
{
    int32_t i;
    for (; rows > 0; rows--, to += to_step, from += from_step) {
        if (bytes > 16) {
            memcpy(to, from, (size_t)bytes);
        } else {
            for (i = 0; i < bytes; i++) { /* cheaper than a call */
                to[i] = from[i];
            }
        }
    }
}

#endif

#endif
