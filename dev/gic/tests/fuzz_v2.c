/* Fuzz target: see setup_v2(). */
#include "setup.h"

DEVKIT_FUZZ(setup_v2)
