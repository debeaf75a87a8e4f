"""POP3 without I/O: RFC 1939, 2449 (CAPA, response codes), 2595 (STLS), 3206, 5034 (AUTH), 6856 (UTF8, LANG).

``states`` is the table of commands, ``grammar`` reads their lines, ``server`` is the core that a connection drives: the
commands on top of a ``conversation`` with its ``limits``, those after the login in ``transaction``.  ``events`` is what
it asks of that connection, ``maildrop`` and ``top`` what it answers from, ``texts`` and ``languages`` what it says to
people.
"""
