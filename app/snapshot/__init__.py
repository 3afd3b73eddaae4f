"""One HTML file of runs that works without a server: see ``page.py``."""
