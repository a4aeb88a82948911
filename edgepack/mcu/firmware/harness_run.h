/* Running the model once while watching the stack. */
#ifndef EDGEPACK_HARNESS_RUN_H
#define EDGEPACK_HARNESS_RUN_H

#include "harness.h"

#define HARNESS_STACK_PATTERN 0xC0DEFACEu

extern uint32_t edgepack_stack_bottom[];

struct harness_result {
    int32_t status;       /* what NAME_run returned */
    uint32_t stack_bytes; /* deepest stack below the caller of harness_call; 0 when it was not watched */
};

/* One inference. With `watch_stack` the free stack is painted before and searched for the deepest change after. Inline, so
   that nothing below the stack pointer belongs to this code; volatile, so that painting stays a loop and no call. */
static inline __attribute__((always_inline)) struct harness_result harness_run(int watch_stack)
{
    struct harness_result result = {0, 0};
    volatile uint32_t *top;
    __asm__ volatile("mov %0, sp" : "=r"(top));
    if (watch_stack) {
        for (volatile uint32_t *word = edgepack_stack_bottom; word < top; word++) {
            *word = HARNESS_STACK_PATTERN;
        }
    }
    result.status = harness_call();
    if (watch_stack) {
        volatile uint32_t *word = edgepack_stack_bottom;
        while (word < top && *word == HARNESS_STACK_PATTERN) {
            word++;
        }
        result.stack_bytes = (uint32_t)((const volatile uint8_t *)top - (const volatile uint8_t *)word);
    }
    return result;
}

#endif
