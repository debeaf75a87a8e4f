"""IMAP without I/O: RFC 3501 and extensions; octets in, one command out at a time, memory within limits."""
