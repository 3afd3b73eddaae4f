"""Which classes runs take for which, on Compare."""
