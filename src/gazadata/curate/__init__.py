"""What helps a curator: the canonical form of the tables, and finding words in a text."""
