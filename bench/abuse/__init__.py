"""Abuse of a real server, case by case, while a polite client asks for its answers.

    python -m bench.abuse [CASE ...] [--scale 1.0] [--list]

Each case is a function in a module of this package (``case.abuse`` puts it into the table) that misbehaves in a process
of its own, from an address of its own, and says with ``assert`` which bound has to hold.  Meanwhile ``bystander`` sends
and reads mail as anybody would.  A case holds if its bound did, the server stays under 200 MiB with its second process,
and no answer to the polite client took longer than a second; on a machine that others keep busy this says less, and the
first line tells what it costs him without any abuse.  A case that goes on after five minutes, or that ends the server,
has failed, and the others follow.  ``--scale``, from 0.01 to 100, makes the bombs smaller or larger, but
none smaller than the bound that it is about; each row ends with what was really sent, and a case that sent less than it
is about has failed.  Status 1 if any case failed.

Examples: ``python -m bench.abuse --list``; ``python -m bench.abuse --scale 0.1 search_bombs million_parts``.
"""
