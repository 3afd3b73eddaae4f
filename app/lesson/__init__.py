"""Lessons on the pages: the banner, what is hidden or locked, and the form that makes one. Start at banner.py."""
