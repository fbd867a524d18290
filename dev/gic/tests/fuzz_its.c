/* Fuzz target: see setup_its(). */
#include "setup.h"

DEVKIT_FUZZ(setup_its)
