#include "chr/chr.h"
