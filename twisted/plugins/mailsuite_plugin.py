"""Makes ``twistd mailsuite`` known.  Twisted imports this file to list its commands, so it imports nothing more."""

from twisted.application.service import ServiceMaker

mailsuite = ServiceMaker(
    "mailsuite",
    "mailsuite.tap",
    "A whole mail server: SMTP, submission and LMTP in, POP3 and IMAP out, a relay queue.",
    "mailsuite",
)
