"""Tools for curators: canonical tables, quotes, articles, and the sheets to code them in."""
