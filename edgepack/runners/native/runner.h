/* The runner's commands. Each prints its result's fields, or calls fail(). */
#ifndef EDGEPACK_RUNNER_H
#define EDGEPACK_RUNNER_H

#define MOST_FILES 64

struct options {
    const char *command, *model, *folder, *cpus, *power;
    const char *inputs[MOST_FILES], *outputs[MOST_FILES];
    int input_count, output_count;
    long long first, count, runs, warmup;
    double seconds, warmup_seconds;
    int sequence;
};

/* Print the result {"error": ..., "kind": ...} and end with status 1. `kind` is data, model or system. */
_Noreturn void fail(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for what errno says of a file. */
_Noreturn void fail_file(const char *path);

void *allocate(unsigned long long bytes);

void run_golden(const struct options *options);
void run_infer(const struct options *options);
void run_bench(const struct options *options);
void run_serve(const struct options *options);

#endif
