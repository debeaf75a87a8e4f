"""Other users' mailboxes among one's own: the seams of the mail store once more, with rights checked (RFC 4314)."""
