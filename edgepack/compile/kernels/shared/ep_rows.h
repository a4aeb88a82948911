/* Two broadcast operands as rows: within a row, each advances by a constant step (0 where it is repeated). */
#ifndef EP_ROWS_H
#define EP_ROWS_H

#include "ep_broadcast.h"

struct ep_rows {
    int32_t rows, columns;
    int32_t step_1, step_2;    /* elements, within a row */
    struct ep_broadcast outer; /* where rows begin */
};

#endif
