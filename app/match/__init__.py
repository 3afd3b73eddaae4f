"""The design of another scheme at the same budget, as Compare and Design show it."""
