/* The runner in C, whatever engine runs the model: command line, files of examples, timing, results. */
#ifndef EDGEPACK_RUNNER_H
#define EDGEPACK_RUNNER_H

#include "engine.h"

struct options {
    const char *command, *engine, *model, *folder, *cpus, *power, *signature, *trust, *name, *mode;
    const char *inputs[MOST_TENSORS], *outputs[MOST_TENSORS];
    int input_count, output_count, threads, sequence;
    long long first, count, runs, warmup;
    double seconds, warmup_seconds; /* `seconds` is negative when it was not given */
};

/* command_line.c */
void parse(struct options *options, int count, char **words);

/* result.c. `fail` prints the result {"error": ..., "kind": ...} and ends with status 1; `kind` is runtime, model, data or
   system. A result is begun when everything in it is known, so that none is ever left half-written. */
_Noreturn void fail(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void fail_file(const char *path); /* the same for what errno says of a file */
void *allocate(unsigned long long bytes);
void begin_result(void);
int end_result(const struct options *options); /* the program's status */
int close_result(void);                        /* the same where no engine has a part in it */
void print_text(const char *text);             /* as the inside of a JSON string */
void print_number(const char *name, double value, int known);
void print_times(const double *samples, long long count); /* "samples": [...], in seconds */

/* timing.c. Times are in seconds. */
double seconds_now(void);
void sort(double *values, long long count);
double percentile(const double *sorted, long long count, int share);
double median_of(const double *values, long long count); /* leaves the values as they are */
double timed_run(struct model *model);
void fill_inputs(struct model *model);
long long warm_up(struct model *model, long long at_least, double seconds, int *stable);
void print_quick(struct model *model, double seconds);

/* The commands, in samples.c and bench.c. Each prints its result but the end. */
void run_golden(const struct options *options);
void run_infer(const struct options *options);
void run_bench(const struct options *options);
void run_serve(const struct options *options);

/* verify.c, which needs neither a model nor an engine */
void run_verify(const struct options *options);

#endif
