"""Mailboxes as Maildir++: what was acknowledged survives a crash, and other programs may deliver beside us."""
