"""Releases: building, verifying, comparing, exporting, publishing and pulling them."""
