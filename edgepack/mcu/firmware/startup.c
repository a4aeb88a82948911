/* Reset and fault handling for every Cortex-M; what differs between architectures is selected by the compiler's macros. */
#include "harness.h"

extern uint32_t edgepack_stack_top[];
extern uint32_t edgepack_data_start[], edgepack_data_end[], edgepack_data_load[];
extern uint32_t edgepack_bss_start[], edgepack_bss_end[];
extern uint32_t edgepack_harness_bss_start[], edgepack_harness_bss_end[];

void Reset_Handler(void);
void edgepack_fault(void);

typedef void (*vector)(void);

/* Boards that count cycles by SysTick have their own. */
__attribute__((weak)) void edgepack_systick(void);
void edgepack_systick(void)
{
    edgepack_fault();
}

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    (vector)(uintptr_t)edgepack_stack_top,
    Reset_Handler,
    edgepack_fault, /* NMI */
    edgepack_fault, /* HardFault */
    edgepack_fault, /* MemManage */
    edgepack_fault, /* BusFault */
    edgepack_fault, /* UsageFault */
    edgepack_fault, /* SecureFault */
    0,
    0,
    0,
    edgepack_fault, /* SVCall */
    edgepack_fault, /* DebugMonitor */
    0,
    edgepack_fault, /* PendSV */
    edgepack_systick, /* SysTick */
};

#define SCB_CCR (*(volatile uint32_t *)0xE000ED14u)
#define SCB_CPACR (*(volatile uint32_t *)0xE000ED88u)

/* volatile keeps the compilers from turning the loops into calls of memcpy and memset, which would then be linked for the
   harness alone and counted as the model's. */
static void copy_words(volatile uint32_t *to, const volatile uint32_t *from, const volatile uint32_t *end)
{
    while (to != end) {
        *to++ = *from++;
    }
}

static void clear_words(volatile uint32_t *from, const volatile uint32_t *end)
{
    while (from != end) {
        *from++ = 0;
    }
}

__attribute__((noreturn, used)) void Reset_Handler(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    SCB_CPACR |= 0xFu << 20; /* full access to CP10 and CP11: FPU and MVE (Armv8-M ARM, D1.2.14) */
#endif
#if defined(__ARM_FEATURE_MVE)
    SCB_CCR |= 1u << 19; /* LOB: low-overhead loops with branch cache (Armv8.1-M ARM, CCR.LOB) */
#endif
    __asm__ volatile("dsb\n\tisb" ::: "memory");
    copy_words(edgepack_data_start, edgepack_data_load, edgepack_data_end);
    clear_words(edgepack_bss_start, edgepack_bss_end);
    clear_words(edgepack_harness_bss_start, edgepack_harness_bss_end);
    harness_main();
    for (;;) {
    }
}

/* The stacked registers are on the main stack: nothing here uses the process stack. */
__attribute__((naked)) void edgepack_fault(void)
{
    __asm__ volatile("mov r0, sp\n\tb edgepack_report_fault");
}
