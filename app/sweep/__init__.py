"""Sweeps on the Train page: what varies, what it costs, what came of it."""
