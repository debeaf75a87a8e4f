"""Doubles of every seam, and servers to run tests against; production code never imports it."""
