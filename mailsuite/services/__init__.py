"""The choice: names the concrete classes, builds them from the settings, starts and stops them in order."""
