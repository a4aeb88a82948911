/* The time of each layer of an inference, from what the engine tells of its operators. */
#ifndef EDGEPACK_LAYERS_H
#define EDGEPACK_LAYERS_H

struct options;

/* An engine calls the first two around each operator of an inference (the second with what the first returned), or the third
   after one that was timed elsewhere. `number` is the operator's place in the model, -1 where the engine has its own operators. */
int layer_begins(const char *name, long long number);
void layer_ends(int layer);
void layer_took(const char *name, long long number, double seconds);

/* The command `layers`. */
void run_layers(const struct options *options);

#endif
