"""SMTP and LMTP without I/O, both sides: any cut of the input gives the same events; only CR LF . CR LF ends a body."""
