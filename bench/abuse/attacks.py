"""All cases, in the order in which they are told."""

from bench.abuse import crowds, dns, imap_input, imap_work, messages, smtp  # noqa: F401 - each fills the table
from bench.abuse.case import TABLE

__all__ = ["TABLE"]
