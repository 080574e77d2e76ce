"""Tables in memory: Arrow tables, data frames, and what their rows are called."""
