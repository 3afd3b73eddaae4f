"""The Depth page: quality and answers at every number of loops."""
