/* Runs a model where it was deployed, without Python: golden vectors, a test set, a benchmark.

   It takes the commands and prints the results of runners/run.py, with whatever engine it is linked with:

       PROGRAM probe
       PROGRAM golden --model model.tflite --folder golden [--seconds S]
       PROGRAM infer  --model model.tflite --input input_0.bin --output output_0.bin [--first N] [--count N] [--sequence]
       PROGRAM bench  --model model.tflite [--runs N] [--seconds S] [--warmup N] [--warmup-seconds S] [--cpus 4,5]
       PROGRAM serve  --model model.tflite [--warmup N] [--warmup-seconds S]
       PROGRAM verify --folder releases/ID --trust ../.trust --name=NAME [--signature FOLDER] [--mode deploy|rollback]
       PROGRAM layers --model model.tflite [--runs N] [--seconds S] [--warmup N] [--warmup-seconds S]

   One line of JSON between EDGEPACK-RESULT and EDGEPACK-END; status 0, or 1 with {"error": ..., "kind": ...}. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "layers.h"
#include "runner.h"

static const struct {
    const char *name;
    void (*run)(const struct options *options);
} commands[] = {
    {"golden", run_golden},
    {"infer", run_infer},
    {"bench", run_bench},
    {"serve", run_serve},
    {"layers", run_layers},
};

static void run_command(const struct options *options)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(options->command, commands[i].name) == 0) {
            if (options->model == NULL) {
                fail("data", "--model is missing");
            }
            commands[i].run(options);
            return;
        }
    }
    fail("data", "unknown command %s: use probe, golden, infer, bench, serve, layers or verify", options->command);
}

/* Stay on the processors of a list such as "4,5". */
static void pin(const char *cpus)
{
    cpu_set_t set;
    const char *at = cpus;
    CPU_ZERO(&set);
    while (*at != '\0') {
        char *end;
        const long cpu = strtol(at, &end, 10);
        if (end == at || cpu < 0 || cpu >= CPU_SETSIZE || (*end != '\0' && *end != ',')) {
            fail("data", "--cpus %s: not a list of processor numbers", cpus);
        }
        CPU_SET((size_t)cpu, &set);
        at = *end == ',' ? end + 1 : end;
    }
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        fail("system", "cannot run on the processors %s: %s", cpus, strerror(errno));
    }
}

int main(int argc, char **argv)
{
    struct options options = {
        .command = "", .count = -1, .runs = 200, .warmup = 20, .seconds = -1.0, .warmup_seconds = 10.0, .threads = 1
    };
    parse(&options, argc, argv);
    if (strcmp(options.command, "verify") == 0) {
        run_verify(&options);
        return close_result();
    }
    if (options.cpus != NULL) {
        pin(options.cpus);
    }
    engine_start(&options);
    if (strcmp(options.command, "probe") == 0) {
        begin_result();
        engine_probe();
    } else {
        run_command(&options);
    }
    return end_result(&options);
}
