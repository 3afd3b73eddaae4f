"""The live chart: a canvas that grows with new points only."""
