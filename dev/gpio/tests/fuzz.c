/* Fuzz target of the PL061 and its key. */
#include "setup.h"

DEVKIT_FUZZ(setup)
