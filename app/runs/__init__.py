"""The Runs page, and what every page says of runs: names, choice, time."""
