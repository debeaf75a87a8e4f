"""Abuse of a real server, case by case, while a polite client asks for its answers.

    python -m bench.abuse [CASE ...] [--scale 1.0] [--list]

Each case is a function in a module of this package (``case.abuse`` puts it into the table) that misbehaves in a process
of its own, from an address of its own, and says with ``assert`` which bound has to hold.  Meanwhile ``bystander`` sends
and reads mail as anybody would.  A case holds if its bound did, the server stays under 200 MiB with its second process,
and no answer to the polite client took longer than a second; on a machine that others keep busy this says less, and the
first line tells what it costs him without any abuse.  ``--scale`` makes the bombs smaller or larger.
"""
