/* The profiling build of a program: the generated C calls layers_mark before each layer and once more after the last. */
#ifndef EDGEPACK_LAYERS_MARK_H
#define EDGEPACK_LAYERS_MARK_H

void layers_mark(int index);

#endif
