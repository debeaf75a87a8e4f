"""mailsuite: SMTP, POP3, IMAP, a Maildir store and an MX-routing relay queue in one Twisted application."""

__version__ = "0.1.0"
