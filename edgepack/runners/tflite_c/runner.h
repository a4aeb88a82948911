/* The parts of the runner that needs no Python: a TensorFlow Lite library, files of examples, timing. */
#ifndef EDGEPACK_RUNNER_H
#define EDGEPACK_RUNNER_H

#include <stddef.h>
#include <stdint.h>

#define MOST_TENSORS 64

struct options {
    const char *library, *command, *engine, *model, *folder;
    const char *inputs[MOST_TENSORS], *outputs[MOST_TENSORS];
    int input_count, output_count, threads, xnnpack, sequence;
    long long first, count, runs, warmup;
    double seconds, warmup_seconds;
};

enum element { ELEMENT_NONE, ELEMENT_FLOAT32, ELEMENT_INT32, ELEMENT_UINT8, ELEMENT_INT64, ELEMENT_BOOL, ELEMENT_INT16, ELEMENT_INT8 };

struct tensor {
    void *data;
    size_t bytes;
    enum element element;
};

/* An opened model. The tensors' data may move with every run: they are looked up anew after each. */
struct model {
    int input_count, output_count;
    struct tensor inputs[MOST_TENSORS], outputs[MOST_TENSORS];
    double load_time; /* seconds for opening the file and allocating tensors */
};

/* Print the result {"error": ..., "kind": ...} and end with status 1. `kind` is runtime, model, data or system. */
_Noreturn void fail(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void fail_file(const char *path);
void *allocate(unsigned long long bytes);
void print_text(const char *text); /* as the inside of a JSON string */

double seconds_now(void);
int ascending(const void *a, const void *b); /* doubles, for qsort */

/* library.c. `load_library` returns the seconds it took. */
double load_library(const char *path);
const char *library_version(void);
void open_model(struct model *model, const char *path, int threads, int xnnpack);
void run_model(struct model *model);
void reset_model(void);

/* samples.c, timing.c: the commands. Each prints its result's fields after "{". */
void run_golden(const struct options *options, struct model *model);
void run_infer(const struct options *options, struct model *model);
void run_bench(const struct options *options, double import_time);
void run_serve(const struct options *options, double import_time);
void print_quick(struct model *model, double seconds);

/* conditions.c */
void print_conditions(const char *name);
long long process_memory(const char *field); /* of /proc/self/status, in bytes; -1 when it is not there */
void print_look(double at, int first);       /* a row of "during": clock and heat now */

#endif
