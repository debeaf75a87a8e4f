"""Hours of an ordinary life, with accidents, and a balance at the end.

    python -m bench.soak [--minutes M] [--seed N] [--folder DIR]        (make soak MINUTES=20)

A real server is sent mail by SMTP and by APPEND, relays some of it to a server that refuses now and then, and is read,
flagged and emptied by IMAP and POP3 clients, while ``accidents`` happens to it: SIGKILL and restart, a full disk, no
descriptors, slow name servers, a next host that is gone.  Whatever clients were told is kept in a ``Ledger``.  At the
end all is well again, the queue drains, and ``balance`` counts: every message that was acknowledged is where it
belongs, once and unchanged, or was deleted by somebody; whatever was deleted is gone; flags that were set are set.
All lies on a file system in memory (512 MiB, and 64 more for each minute) where root runs it; elsewhere no disk fills.

Examples: ``python -m bench.soak --minutes 0.5``, half a minute with an accident of each kind, to see what it looks
like; ``python -m bench.soak --minutes 20 --seed 8 --folder /var/tmp/soak`` to look at the log and the mailboxes after.
Status 1 if anything was lost, or wrong, or nothing was accepted.
"""
