"""SMTPUTF8: addresses and headers that are not ASCII, RFC 6531.

Only a transaction whose MAIL has the parameter may name such addresses (§3.4).  Domains are kept as A-labels, so both
spellings of one are equal everywhere (RFC 5890 §2.3.2.1); local parts as they are sent.
"""

from __future__ import annotations

from mailsuite.smtp.esmtp.extension import Extension, Parameter, flag

SMTPUTF8 = Extension("SMTPUTF8", mail=(Parameter("SMTPUTF8", "smtputf8", flag("SMTPUTF8")),), mail_octets=10)
