/* Tier 2: the code around a hot place as one unit with loops. */
#include "accel/dbt/dbt.h"

void dbt_region(struct dbt_thread *t, uint64_t pc, uint32_t key)
{
    (void)t, (void)pc, (void)key;
}
