"""Hours of an ordinary life, with accidents, and a balance at the end.

    python -m bench.soak [--minutes M] [--seed N] [--folder DIR]        (make soak MINUTES=20)

A real server is sent mail by SMTP and by APPEND, relays some of it to a server that refuses now and then, and is read,
flagged and emptied by IMAP and POP3 clients, while ``accidents`` happens to it: SIGKILL and restart, a full disk, no
descriptors, slow name servers, a next host that is gone.  Whatever clients were told is kept in a ``Ledger``.  At the
end all is well again, the queue drains, and ``balance`` counts: every message that was acknowledged is where it
belongs, once and unchanged, or was deleted by somebody; whatever was deleted is gone; flags that were set are set.
The next host may have a message twice if it kept its answer to itself, or if the server was killed between the two, and
the log a traceback while a full disk or a lack of descriptors explains it.  All lies on a file system in memory
(512 MiB, and 64 more for each minute), which only root can mount: without it no disk fills, and the soak does not hold.

Examples: ``python -m bench.soak --minutes 0.5``, half a minute with an accident of each kind, to see what it looks
like; ``python -m bench.soak --minutes 20 --seed 8 --folder /var/tmp/soak`` to look at the log and the mailboxes after.
Each accident happens once at least, however few the minutes.  Status 1 if anything was lost, or wrong, or if
some accident never happened or (from a minute up) met nobody, or nothing was accepted, appended, read, flagged,
fetched, relayed or, in a minute and more, deleted: that shows too little.
"""
