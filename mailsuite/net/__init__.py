"""Languages on connections: every peer is bounded in time and memory, and no fault of ours goes unlogged."""
