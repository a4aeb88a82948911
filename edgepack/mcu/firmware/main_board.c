/* The attached board's test loop: runs the golden vectors that are compiled in, and reports each inference as one line of
   JSON on the UART and in edgepack_log, where a debug probe finds it. A received character starts it again. */
#include "board.h"
#include "golden.h"
#include "harness_run.h"

enum { LOG_BYTES = 16384 };
char edgepack_log[LOG_BYTES];
static uint32_t log_used;

static void put(char character)
{
    board_put(character);
    if (log_used < LOG_BYTES - 1u) {
        edgepack_log[log_used++] = character;
    }
}

static void put_text(const char *text)
{
    while (*text != '\0') {
        put(*text++);
    }
}

static void put_number(uint32_t value)
{
    char digits[10];
    uint32_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    while (count != 0) {
        put(digits[--count]);
    }
}

static void put_field(const char *before, uint32_t value)
{
    put_text(before);
    put_number(value);
}

__attribute__((weak)) int board_emulated(void)
{
    return 0;
}

static void report_start(void)
{
    put_text("{\"edgepack\":1,\"build\":\"");
    put_text(golden_build);
    put_text("\",\"model\":\"");
    put_text(golden_model);
    put_text("\",\"board\":\"");
    put_text(board_name);
    put_text("\",\"cpu\":\"");
    put_text(board_cpu);
    put_text("\",\"counter\":\"");
    put_text(board_counter);
    put_field("\",\"clock_hz\":", board_clock_hz);
    put_field(",\"emulated\":", board_emulated() != 0);
    put_field(",\"vectors\":", golden_count);
    put_field(",\"runs\":", GOLDEN_RUNS);
    put_text("}\n");
}

static void load_inputs(const uint8_t *from)
{
    for (uint32_t index = 0; index < harness_input_count; index++) {
        for (uint32_t byte = 0; byte < harness_inputs[index].bytes; byte++) {
            harness_inputs[index].data[byte] = *from++;
        }
    }
}

static uint32_t differing_bytes(const uint8_t *expected)
{
    uint32_t differing = 0;
    for (uint32_t index = 0; index < harness_output_count; index++) {
        for (uint32_t byte = 0; byte < harness_outputs[index].bytes; byte++) {
            differing += harness_outputs[index].data[byte] != *expected++;
        }
    }
    return differing;
}

/* One inference without anything else between the two readings of the counter. */
static void run_once(uint32_t vector, uint32_t run)
{
    load_inputs(golden_inputs + vector * golden_input_bytes);
    const uint32_t before = board_cycles();
    const int status = harness_call();
    const uint32_t cycles = board_cycles() - before;
    put_field("{\"vector\":", vector);
    put_field(",\"run\":", run);
    put_field(",\"failed\":", status != 0);
    put_field(",\"cycles\":", cycles);
    put_field(",\"differing\":", differing_bytes(golden_outputs + vector * golden_output_bytes));
    put_text("}\n");
}

static void run_all(void)
{
    log_used = 0;
    report_start();
    harness_reset();
    load_inputs(golden_inputs);
    const struct harness_result watched = harness_run(1);
    for (uint32_t run = 0; run < GOLDEN_RUNS; run++) {
        harness_reset();
        for (uint32_t vector = 0; vector < golden_count; vector++) {
            run_once(vector, run);
        }
    }
    put_field("{\"done\":1,\"stack\":", watched.stack_bytes);
    put_text("}\n");
    edgepack_log[log_used] = '\0';
}

void harness_main(void)
{
    board_start();
    for (;;) {
        run_all();
        while (board_get() < 0) {
        }
    }
}

/* The stacked registers: r0-r3, r12, lr, pc, xpsr. */
__attribute__((used)) void edgepack_report_fault(const uint32_t *frame)
{
    put_field("{\"fault\":1,\"pc\":", frame[6]);
    put_field(",\"lr\":", frame[5]);
    put_field(",\"cfsr\":", BOARD_REGISTER(0xE000ED28));
    put_text("}\n");
    edgepack_log[log_used] = '\0';
    for (;;) {
    }
}
