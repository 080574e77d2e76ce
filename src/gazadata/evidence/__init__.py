"""Evidence: quotes, and finding words in a text."""
