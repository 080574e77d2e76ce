"""Tables in memory: Arrow tables, data frames, and labels of rows."""
