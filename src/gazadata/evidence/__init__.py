"""Evidence: quotes, finding words in a text, and notes that name a row of reference/."""
