"""The Try it page: what trained runs answer to one input, next to each other."""
