"""The Train page: what shall be trained, and what it will cost."""
