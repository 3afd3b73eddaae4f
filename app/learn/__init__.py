"""Learn: short chapters that drive the real parts of the dashboard. ``chapter.py`` says what one is."""
