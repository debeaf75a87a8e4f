"""MIME by scanning octets: headers, structure, sections, encodings and search.

No I/O, no ``email`` package.  Everything here takes what a peer wrote, so nothing here raises for malformed input: the
answer is then the nearest well-formed reading.  Input may have LF or CRLF line ends; offsets and sizes are always those
of the CRLF form, which is what IMAP counts.
"""
