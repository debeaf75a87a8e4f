"""Options that bound what clients may do: sizes and counts, rates, times.  Part of ``config.schema``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from mailsuite.config.option import about, number


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sizes and counts that a client cannot exceed."""

    message_size: Annotated[
        int,
        number(
            64 * 1024,
            2 * 1024**3,
            "Largest message with its header, announced with SIZE (RFC 1870) and APPENDLIMIT.",
            unit="octets",
        ),
    ] = 64 * 1024 * 1024
    recipients: Annotated[
        int, number(100, 50_000, "Recipients of one message; RFC 5321 §4.5.3.1.8 wants at least 100.")
    ] = 1000
    hops: Annotated[
        int, number(10, 1000, "Received fields after which a message is looping (RFC 5321 §6.3).", unit="fields")
    ] = 100
    connections: Annotated[int, number(1, 100_000, "Connections open at once on all ports together.")] = 2000
    connections_per_address: Annotated[
        int,
        number(1, 100_000, "Connections open at once from one client address; trusted networks have no such limit."),
    ] = 100
    login_failures: Annotated[
        int, number(1, 1000, "Wrong passwords before a connection is closed; each also makes its address wait longer.")
    ] = 5
    ipv4_network: Annotated[
        int,
        number(
            8, 32, "IPv4 addresses that share this many bits count as one client for connections and rates.", "bits"
        ),
    ] = 32
    ipv6_network: Annotated[
        int,
        number(
            16,
            128,
            "IPv6 addresses that share this many bits count as one client; one customer has at least 64 (RFC 6177).",
            unit="bits",
        ),
    ] = 64
    commands: Annotated[
        int,
        number(
            100,
            10_000_000,
            "SMTP: commands of one session; a message to one recipient takes three or four.",
        ),
    ] = 100_000
    idle_commands: Annotated[
        int,
        number(10, 100_000, "SMTP: NOOP, RSET, VRFY, HELP and other commands that send nothing, between two messages."),
    ] = 100
    command_line: Annotated[
        int,
        number(
            512,
            65_536,
            "SMTP: longest command line; RFC 5321 §4.5.3.1.4 wants 512, some extensions more.",
            unit="octets",
        ),
    ] = 2048
    errors: Annotated[
        int, number(1, 10_000, "SMTP, POP3: commands that are unknown, malformed or out of order in one session.")
    ] = 20
    refused_recipients: Annotated[
        int,
        number(
            1,
            100_000,
            "SMTP: recipients refused for good in one session of a client that is neither trusted nor logged in; "
            "whoever has more tries out names.",
        ),
    ] = 20
    data_rate: Annotated[
        float,
        number(
            0,
            100_000,
            "SMTP: what a message must bring on average once it takes longer than `timeouts.smtp_data`; 0: no such "
            "limit. The default is a 300 baud modem's.",
            unit="octets a second",
        ),
    ] = 30.0
    greet_delay: Annotated[
        float,
        number(
            0,
            30,
            "SMTP: how long strangers wait for the greeting; who speaks meanwhile is refused. 0: nobody waits, and "
            "only octets that are there already are noticed.",
            unit="seconds",
        ),
    ] = 0.0
    refuse_early_talkers: Annotated[
        bool,
        about(
            "SMTP from strangers: refuse who speaks before the greeting, or sends commands behind EHLO before its "
            "answer (RFC 2920 §3.1 allows neither). Trusted networks and submission are never looked at."
        ),
    ] = True
    threads: Annotated[int, number(2, 64, "Threads for disk and password work.")] = 8


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much mail one client may send in an hour; more is refused for now
    (`450` or `451 4.7.1`), with the time when it will work. A whole
    hour's worth may come at once. Who has logged in counts by account, others by network; trusted networks without
    login have no limit. 0: no limit."""

    account_messages: Annotated[
        int,
        number(
            0, 10_000_000, "Messages of an account; what a person never sends and a stolen password does.", "an hour"
        ),
    ] = 2000
    account_recipients: Annotated[int, number(0, 10_000_000, "Recipients of an account's messages.", "an hour")] = (
        10_000
    )
    address_messages: Annotated[
        int,
        number(
            0,
            10_000_000,
            "Messages from a client network; large senders send many, so this is yours to choose.",
            "an hour",
        ),
    ] = 0
    address_recipients: Annotated[int, number(0, 10_000_000, "Recipients named by a client network.", "an hour")] = 0
    remembered: Annotated[
        int,
        number(
            100, 10_000_000, "Clients and accounts that are remembered, each; of more the longest unseen is forgotten."
        ),
    ] = 20_000


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a client may take before its connection is closed. Octets that never become a command are silence."""

    smtp: Annotated[
        float,
        number(1, 3600, "SMTP, submission, LMTP between commands; RFC 5321 §4.5.3.2.7 wants 300.", unit="seconds"),
    ] = 300.0
    smtp_greeting: Annotated[
        float, number(1, 3600, "From the connection to the first EHLO, whatever is said meanwhile.", unit="seconds")
    ] = 300.0
    smtp_data: Annotated[
        float, number(1, 3600, "Within a message; RFC 5321 §4.5.3.2.5 gives a client 180 a block.", unit="seconds")
    ] = 300.0
    smtp_session: Annotated[
        float, number(60, 604_800, "A whole SMTP session, however busy; a message under way is lost.", unit="seconds")
    ] = 7200.0
    login: Annotated[
        float,
        number(5, 3600, "POP3, IMAP: from the greeting to the login, whatever is said meanwhile.", unit="seconds"),
    ] = 180.0
    pop3: Annotated[float, number(1, 7200, "POP3; RFC 1939 §3 wants at least 600.", unit="seconds")] = 600.0
    imap: Annotated[float, number(1, 86_400, "IMAP; RFC 9051 §5.4 wants at least 1800.", unit="seconds")] = 1800.0
    shutdown: Annotated[
        float,
        number(0, 600, "How long commands in flight may take to end when the server stops.", unit="seconds"),
    ] = 10.0
