"""The record to be seen: as one page, in notebooks, and as pictures."""
