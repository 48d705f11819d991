int grid[3][4];

BEGIN
{
	grid[1][2] = 5; trace(grid[1][2]); trace(grid[pid % 3][pid % 4]); trace(sizeof (grid)); trace(sizeof (grid[0])); p = &grid[1][0]; trace(p[0]); trace(*grid[2]); tracemem(grid, 48);
}
