/* Fuzz target: see setup_v3(). */
#include "setup.h"

DEVKIT_FUZZ(setup_v3)
