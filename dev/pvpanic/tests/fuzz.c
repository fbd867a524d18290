/* Fuzz target of pvpanic. */
#include "setup.h"

DEVKIT_FUZZ(setup)
