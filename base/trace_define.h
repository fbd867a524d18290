/* Makes TRACE_POINT() of a trace.def define the points instead of declaring them: for the one file
 * of a folder that holds them. See base/trace.h. */
#ifndef BASE_TRACE_DEFINE_H
#define BASE_TRACE_DEFINE_H

#include "base/trace.h"

#undef TRACE_POINT
#define TRACE_POINT(point, words)                                    \
    extern struct trace_point trace_point_##point;                   \
    struct trace_point trace_point_##point = {#point, words, false}; \
    static struct trace_point *const trace_entry_##point             \
        __attribute__((used, section("trace_points"))) = &trace_point_##point;

#endif
