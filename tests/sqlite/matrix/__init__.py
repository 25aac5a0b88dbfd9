"""What survives: every feature of a table crossed with every operation."""
