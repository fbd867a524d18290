#include "blk/blk.h"
