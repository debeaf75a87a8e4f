"""The ``mailsuite`` command: makes instances, keeps domains, users and aliases, looks after the queue.

Every command is one module, imported only when it is called, so ``mailsuite --help`` is quick.  For people: tables and
one-line errors; for programs: ``--json`` and exit status 0 or 1 (2 for a command line that makes no sense).
"""
