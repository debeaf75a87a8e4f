"""A world in one process: whole servers, clients, foreign hosts, name servers, on one simulated clock, from one seed.

``world.World`` is where to begin; docs/simulation.md says how to read a seed that failed.
"""
