"""The Start page: the ways in, and comparisons to open."""
