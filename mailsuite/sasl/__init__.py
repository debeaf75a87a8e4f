"""SASL mechanisms without I/O (RFC 4422), shared by SMTP, POP3 and IMAP: ``table`` lists them.

``values`` says what an exchange passes around and what both sides of a mechanism look like; ``base64`` how its octets
travel in lines.  ``net.login`` drives the server's side.
"""
