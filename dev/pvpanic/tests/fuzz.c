/* Fuzz target of pvpanic: the card, behind its host bridge. */
#include "setup.h"

DEVKIT_FUZZ(setup_card)
