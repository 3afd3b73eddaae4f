"""The Design page: what can be compared, painted, counted and looked up."""
