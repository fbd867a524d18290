/* Fuzz target of fw_cfg. */
#include "setup.h"

DEVKIT_FUZZ(setup)
