"""The ``sendmail`` program: what cron, ``mail`` and mutt call to send, and ``mailq`` and ``newaliases`` beside it."""
