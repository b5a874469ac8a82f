"""What the work is: specs, rows, prompts, verdicts, costs and the tables they stand in."""
