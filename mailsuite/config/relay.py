"""Options of sending to other servers: where mail goes, how TLS is there, name servers.  Part of ``config.schema``."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec

from mailsuite.config.option import Path, TlsMode, about, length, number
from mailsuite.routing.cache import Believe


class RelayTls(enum.Enum):
    """TLS towards other servers."""

    NEVER = "never"
    MAY = "may"
    REQUIRE = "require"
    VERIFY = "verify"


class Smarthost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One server that takes all mail for other domains, instead of the MX records of each."""

    host: Annotated[str, about("Host name or IP address; empty: deliver by MX records.")] = ""
    port: Annotated[int, number(1, 65535, "TCP port; 587 for STARTTLS, 465 for TLS from the first octet.")] = 587
    tls: Annotated[TlsMode, about("How TLS begins. The certificate must match `host` unless this is `none`.")] = (
        TlsMode.STARTTLS
    )
    user: Annotated[str, about("Login name; empty: no login.")] = ""
    password_file: Annotated[
        Path, about("File whose first line is the password; readable by the server's user only.")
    ] = ""


class Relay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sending to other servers."""

    port: Annotated[int, number(1, 65535, "Port of other servers; anything but 25 is for tests.")] = 25
    tls: Annotated[
        RelayTls,
        about(
            "`may`: STARTTLS if offered, any certificate; `require`: no TLS, no mail; `verify`: a valid certificate."
        ),
    ] = RelayTls.MAY
    tls_may_be_waived: Annotated[
        bool,
        about(
            "A message with the header field `TLS-Required: No` (RFC 8689) goes without the TLS that `tls` asks for "
            "where there is none: its sender would rather have it read by others than not arrive."
        ),
    ] = True
    dane: Annotated[
        bool,
        about(
            "Hold hosts to the TLSA records of their domain (RFC 7672), as far as `dns.believe` has them signed. Not "
            'with `tls = "never"`.'
        ),
    ] = True
    mta_sts: Annotated[
        bool, about('Hold hosts to the MTA-STS policy of the recipient\'s domain (RFC 8461). Not with `tls = "never"`.')
    ] = True
    mta_sts_folder: Annotated[Path, length(1, 1024, "Folder where such policies are kept.")] = "mta-sts"
    client_certificate: Annotated[
        Path, about("PEM file: certificate and chain shown to servers that ask for one. Empty: none.")
    ] = ""
    client_key: Annotated[Path, about("PEM file with its private key, readable by the server's user only.")] = ""
    at_once: Annotated[int, number(1, 1000, "Messages being sent at the same time.")] = 50
    per_destination: Annotated[
        int,
        number(
            1,
            1000,
            "Of them to one destination, when it takes them well; it begins with 5, one more for each that is taken, "
            "and halves with each trouble. So many messages, at most, come to it twice when the server is killed.",
        ),
    ] = 20
    connect_timeout: Annotated[
        float, number(1, 600, "How long to wait for a host to answer a connection.", unit="seconds")
    ] = 30.0
    ignored_extensions: Annotated[
        tuple[str, ...],
        length(0, 50, "EHLO keywords of other servers that are not used although offered, such as `CHUNKING`."),
    ] = ()
    bind_address: Annotated[str, about("IP address to send from; empty: the system chooses.")] = ""
    own_hosts: Annotated[
        tuple[str, ...],
        length(
            0,
            100,
            "Names and IP addresses that lead here besides `hostname` and the addresses of this machine, such as those "
            "of a router that passes connections on (NAT): no mail is ever sent there, or it would go in circles.",
        ),
    ] = ()


class Way(enum.Enum):
    """Where the transport table leads."""

    USUAL = "usual"
    HOST = "host"
    LMTP = "lmtp"
    HOLD = "hold"
    ERROR = "error"
    DISCARD = "discard"


class Transport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another way for some mail; the first `[[transport]]` that holds decides, else it goes the usual way."""

    way: Annotated[
        Way,
        about(
            "`host`: to `host`; `lmtp`: to `host` by LMTP; `hold`: kept until `mailsuite queue release`; `error`: back "
            "to the sender with `text`; `discard`: nowhere, in silence; `usual`."
        ),
    ]
    domains: Annotated[
        tuple[str, ...],
        length(0, 10_000, "Recipients' domains: `example.org`; with those below it `.example.org`. Empty: any."),
    ] = ()
    senders: Annotated[
        tuple[str, ...],
        length(0, 10_000, "Senders: `user@example.org`, `@example.org`, `<>` for notices. Empty: any."),
    ] = ()
    host: Annotated[str, about("Host name or IP address; its MX records are not asked for.")] = ""
    port: Annotated[int, number(1, 65535, "TCP port.")] = 25
    tls: Annotated[
        RelayTls, about("As in `[relay]`; `verify` is needed for a login, unless it is on this machine with `never`.")
    ] = RelayTls.MAY
    implicit_tls: Annotated[bool, about("TLS from the first octet (port 465) instead of STARTTLS.")] = False
    user: Annotated[str, about("Login name; empty: no login.")] = ""
    password_file: Annotated[
        Path, about("File whose first line is the password; readable by the server's user only.")
    ] = ""
    text: Annotated[
        str,
        about(
            "What senders are told with `error`, which needs it and may begin it with a status such as `5.7.1`; with "
            "`hold` the reason that `mailsuite queue why` gives."
        ),
    ] = ""


class TlsPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """TLS for mail to some domains; the first `[[tls_policy]]` that holds is the last word, before DANE and MTA-STS."""

    domains: Annotated[
        tuple[str, ...], length(1, 10_000, "Recipients' domains: `example.org`; with those below it `.example.org`.")
    ]
    tls: Annotated[RelayTls, about("As in `[relay]`.")]
    names: Annotated[
        tuple[str, ...],
        length(0, 100, "With `verify`: the certificate must be for one of these names. Empty: for the MX host's."),
    ] = ()


class Backup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Domains of others whose mail this server takes for them, as backup MX or as the gate before an inner server (then
    with a `[[transport]]`)."""

    domains: Annotated[
        tuple[str, ...],
        length(1, 10_000, "`example.org`; with those below it `.example.org`. None of `local_domains`."),
    ]
    recipients: Annotated[
        Path,
        about(
            "File of who has mail there, an address a line (`@example.org`: everybody); read again when it changes. "
            "Empty: any recipient is taken, and what the other server then refuses goes back to senders."
        ),
    ] = ""


class Dns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name servers."""

    nameservers: Annotated[
        tuple[str, ...],
        length(
            0,
            16,
            "IP addresses, with a port if it is not 53: `192.0.2.1`, `[::1]:5353`. Empty: those of /etc/resolv.conf.",
        ),
    ] = ()
    timeout: Annotated[float, number(0.1, 120, "How long one look-up may take, with its repeats.", unit="seconds")] = (
        15.0
    )
    believe: Annotated[
        Believe,
        about(
            "Whose word counts that an answer is signed (DNSSEC), which DANE and REQUIRETLS build on. `local`: name "
            "servers on this machine; `all`: whichever, for networks where nobody can come between; `nobody`."
        ),
    ] = Believe.LOCAL
