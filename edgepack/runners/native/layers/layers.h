/* The profiling build of a program: the generated C calls layers_mark before each layer and once more after the last. */
#ifndef EDGEPACK_LAYERS_H
#define EDGEPACK_LAYERS_H

struct options;

void layers_mark(int index);

/* The command `layers`, which only this build has. */
void run_layers(const struct options *options);

#endif
