"""What a configuration file may say: options, bounds and defaults; each mistake is one line that names its place."""
