"""The figures of docs/benchmarks.md: this server, and beside it Postfix and Dovecot where they are installed.

    python -m bench.figures [PART ...] [--size 1.0] [--runs 3] [--patience 60] [--results docs/benchmarks.json]
    python -m bench.figures --page [--results FILE]
    make bench                              (all parts, then the page)

Parts: ingest relay imap logins idle push pop3 crowd memory queue waiting; each can be run alone and keeps its figures
in the results.  The last two have bounds, shown beside; it ends with status 1 if one does not hold.
``--page`` writes the page and its chart of the results, beside them and by their name: docs/benchmarks.md and .png.
All servers are private instances on loopback, in turns, on one disk; of several runs the median counts.  Postfix and
Dovecot want to be started by root, and are left out elsewhere: the page says so, and figures beside a peer are not
replaced by such without.  Before a part it waits until the machine is calm.

Examples: ``python -m bench.figures push --runs 1 --results /tmp/mine.json --page``; and in seconds, saying nothing:
``python -m bench.figures --size 0.02 --patience 0 --results /tmp/mine.json``.
"""
