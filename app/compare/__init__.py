"""The Compare page: figures, quality against size, what differs."""
