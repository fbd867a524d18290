/* Fuzz target of the flash. */
#include "setup.h"

DEVKIT_FUZZ(setup)
