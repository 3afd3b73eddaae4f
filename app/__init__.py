"""What the pages share. No business rules: those are in ``clps_core``."""
