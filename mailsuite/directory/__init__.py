"""Domains, accounts, passwords and aliases: who has mail here.  ``SQLiteDirectory`` answers the running server,
``Records`` is what the command line writes with."""
