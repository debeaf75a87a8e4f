"""The figures of docs/benchmarks.md: this server, and beside it Postfix and Dovecot where they are installed.

    python -m bench.figures [PART ...] [--size 1.0] [--runs 3] [--results docs/benchmarks.json]
    python -m bench.figures --page          (writes docs/benchmarks.md and .png of the results)
    make bench                              (all parts, then the page)

Parts: ingest relay imap logins idle push pop3 crowd memory; each can be run alone and keeps its figures in the results.
All servers are private instances on loopback, in turns, on one disk; of several runs the median counts.  Postfix and
Dovecot want to be started by root, and are left out elsewhere.  ``--size 0.02 --results FILE`` takes seconds and says
nothing.
"""
