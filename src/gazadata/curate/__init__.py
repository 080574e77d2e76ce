"""Tools for curators: the canonical form of tables, and quotes in the held texts."""
