/* Fuzz target of the PL011. */
#include "setup.h"

DEVKIT_FUZZ(setup)
