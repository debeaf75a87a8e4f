"""The one door to durable files: every write that a client is promised goes through ``IDisk``."""
