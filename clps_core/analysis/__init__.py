"""What a model is made of and what it does: counts, memory and captured attention as plain data."""
