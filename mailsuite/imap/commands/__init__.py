"""One module a command: ``parse(cursor, tag)`` stands behind the command's name and reads to the end of the command.

Which name goes to which function, and when it is allowed, stands in ``imap.table``.
"""
