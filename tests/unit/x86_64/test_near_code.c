/*
 * Near programs as machine code against the near interpreter: random programs
 * over random registers and memory, both leave the same record, and the program
 * they run in notices nothing.
 */
#include "tramp_rig.h"

static const uint8_t plain[] = { 0x0f, 0x1f, 0x44, 0, 0 };
#define RED_ZONE_LEN 128
#include "../near_code.h"

int main(void)
{
	return near_code_tests();
}
