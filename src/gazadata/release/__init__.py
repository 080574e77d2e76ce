"""Releases: immutable folders, the same bytes for the same input, and what is done with them."""
