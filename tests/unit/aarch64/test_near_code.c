/*
 * Near programs as machine code against the near interpreter: random programs
 * over random registers and memory, both leave the same record, and the program
 * they run in notices nothing.
 */
#include "tramp_rig.h"

static const uint32_t plain[] = { 0xd503201f };
#define RED_ZONE_LEN 0

static const unsigned n_places = 0;

static struct arch_place random_place(void)
{
	return (struct arch_place){ .size = 8 };
}

#include "../near_code.h"

int main(void)
{
	return near_code_tests();
}
