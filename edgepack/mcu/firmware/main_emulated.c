/* The emulated board's test loop: inputs stream in and outputs stream out through Arm semihosting, so that any number of
   inferences runs in one boot whatever the memory. Semihosting for AArch32, version 3.0, sections 6.1 to 6.10. */
#include "harness_run.h"

enum { SYS_OPEN = 0x01, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT = 0x18 };
enum { OPEN_READ = 1, OPEN_WRITE = 5 }; /* "rb" and "wb" */
enum { EXIT_DONE = 0x20026, EXIT_FAULT = 0x20024, EXIT_IO = 0x20025 };

static int32_t semihosting(int32_t operation, const void *argument)
{
    register int32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void finish(uint32_t reason)
{
    semihosting(SYS_EXIT, (const void *)(uintptr_t)reason);
    for (;;) {
    }
}

static int32_t open_file(const char *name, uint32_t length, uint32_t mode)
{
    const volatile uint32_t arguments[3] = {(uint32_t)(uintptr_t)name, mode, length};
    return semihosting(SYS_OPEN, (const void *)arguments);
}

/* Both return the number of bytes that were not transferred. */
static int32_t transfer(int32_t operation, int32_t file, const void *data, uint32_t bytes)
{
    const volatile uint32_t arguments[3] = {(uint32_t)file, (uint32_t)(uintptr_t)data, bytes};
    return semihosting(operation, (const void *)arguments);
}

static int read_inputs(int32_t file)
{
    for (uint32_t index = 0; index < harness_input_count; index++) {
        if (transfer(SYS_READ, file, harness_inputs[index].data, harness_inputs[index].bytes) != 0) {
            return 0;
        }
    }
    return 1;
}

void harness_main(void)
{
    const int32_t inputs = open_file("inputs.bin", 10, OPEN_READ);
    const int32_t outputs = open_file("outputs.bin", 11, OPEN_WRITE);
    if (inputs == -1 || outputs == -1) {
        finish(EXIT_IO);
    }
    harness_reset();
    for (int first = 1; read_inputs(inputs); first = 0) {
        const struct harness_result result = harness_run(first);
        if (transfer(SYS_WRITE, outputs, &result, sizeof result) != 0) {
            finish(EXIT_IO);
        }
        for (uint32_t index = 0; index < harness_output_count; index++) {
            if (transfer(SYS_WRITE, outputs, harness_outputs[index].data, harness_outputs[index].bytes) != 0) {
                finish(EXIT_IO);
            }
        }
    }
    finish(EXIT_DONE);
}

/* Eight words the core pushed on the exception (r0-r3, r12, lr, pc, xpsr), then the fault status registers. */
__attribute__((used)) void edgepack_report_fault(const uint32_t *frame)
{
    volatile uint32_t record[12];
    for (uint32_t index = 0; index < 8; index++) {
        record[index] = frame[index];
    }
    __asm__ volatile("mrs %0, ipsr" : "=r"(record[8]));
    record[9] = *(volatile uint32_t *)0xE000ED28u;  /* CFSR */
    record[10] = *(volatile uint32_t *)0xE000ED38u; /* BFAR */
    record[11] = (uint32_t)(uintptr_t)frame;
    const int32_t file = open_file("fault.bin", 9, OPEN_WRITE);
    transfer(SYS_WRITE, file, (const void *)record, sizeof record);
    finish(EXIT_FAULT);
}
