"""Where mail for a domain goes: the MX algorithm, and the DNS look-ups behind it."""
