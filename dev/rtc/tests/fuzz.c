/* Fuzz target of the PL031. */
#include "setup.h"

DEVKIT_FUZZ(setup)
