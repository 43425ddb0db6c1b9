"""Numbers to tables: rows of runs beside the paper, chance and a verdict."""
