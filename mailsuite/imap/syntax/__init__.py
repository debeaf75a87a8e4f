"""The grammar of IMAP, read and written octet for octet; malformed input raises ``ProtocolError`` and nothing else."""
