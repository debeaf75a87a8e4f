"""How the courier behaves: one frozen struct, and where its connections come from."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint

from mailsuite.net.prompt import PromptConnections
from mailsuite.smtp.client_events import PATIENCE, ClientLimits, Login, Step


class Tls(enum.Enum):
    """What is asked of the other side."""

    #: Plain text, even where TLS is offered.
    NEVER = "never"
    #: TLS where it is offered and works, with any certificate (RFC 7435); plain text otherwise.
    MAY = "may"
    #: TLS with any certificate, or no mail.
    REQUIRE = "require"
    #: TLS with a certificate that is valid for the host's name, or no mail.
    VERIFY = "verify"
    #: TLS with a certificate that DNSSEC vouches for (RFC 7672), or no mail.
    DANE = "dane"

    @property
    def needed(self) -> bool:
        return self in (Tls.REQUIRE, Tls.VERIFY, Tls.DANE)

    @property
    def verified(self) -> bool:
        """Whether it shows that the host is the one we meant."""
        return self in (Tls.VERIFY, Tls.DANE)

    def content_with(self, secure: bool, verified: bool) -> bool:
        """Whether a connection that is under TLS or not, with the certificate verified or not, will do."""
        return verified if self.verified else secure or not self.needed


class CourierSettings(msgspec.Struct, frozen=True):
    #: What we call ourselves in EHLO.
    hostname: str
    tls: Tls = Tls.MAY
    #: A message whose header says TLS-Required: No (RFC 8689) goes without the TLS that is needed where there is none.
    waivable: bool = False
    #: Speak LMTP (RFC 2033): who takes the message then delivers it, and answers for each recipient.
    lmtp: bool = False
    #: TLS from the first octet (port 465) instead of STARTTLS.
    implicit_tls: bool = False
    #: Credentials for a smarthost.
    login: Login | None = None
    #: Give the password away without TLS.
    login_in_clear: bool = False
    #: Seconds for a connection to come about.
    connect_timeout: float = 30.0
    #: Seconds to wait at each step of a session.
    patience: Mapping[Step, float] = PATIENCE
    #: Recipients of one transaction; RFC 5321 §4.5.3.1.8 promises room for 100.
    recipients: int = 100
    #: Seconds that a connection waits for another message to the same host.
    idle: float = 5.0
    #: Messages over one connection.
    messages: int = 100
    #: Connections that wait at the same time, all hosts together.
    idle_connections: int = 50
    limits: ClientLimits = ClientLimits()


#: Makes the endpoint of an IP address and a port.
Endpoints: TypeAlias = Callable[[str, int], IStreamClientEndpoint]


def tcp_endpoints(reactor: Any, timeout: float = 30.0, bind_address: str = "") -> Endpoints:
    """TCP of this machine; ``bind_address`` is the IP address to send from, where it is of the same family."""
    prompt = PromptConnections(reactor)

    def endpoint(address: str, port: int) -> IStreamClientEndpoint:
        six = ":" in address
        bind = (bind_address, 0) if bind_address and (":" in bind_address) == six else None
        kind = TCP6ClientEndpoint if six else TCP4ClientEndpoint
        return kind(prompt, address, port, timeout, bind)

    return endpoint
