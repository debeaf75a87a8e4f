"""What answers on a port: for each listener the server factory of its service, told what the configuration says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

import msgspec
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory, IReactorTime
from twisted.protocols.tls import TLSMemoryBIOFactory

from mailsuite.config.schema import Listener, Service, Settings, TlsMode
from mailsuite.imap.limits import Limits as IMAPLimits
from mailsuite.interfaces import IDelivery, IDirectory, IMailStores, IPolicy, ITLSContexts
from mailsuite.net.imap_server import IMAPServerFactory
from mailsuite.net.imap_session import IMAPSettings
from mailsuite.net.login import Login
from mailsuite.net.pop3_factory import POP3ServerFactory
from mailsuite.net.pop3_settings import POP3Settings
from mailsuite.net.sessions import Admission
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_settings import Service as SMTPService
from mailsuite.net.smtp_settings import SMTPSettings
from mailsuite.pop3.server import Limits as POP3Limits
from mailsuite.smtp.extensions import Limits as SMTPLimits

#: They have ``sessions`` and ``shut_down()`` in common.
ServiceFactory: TypeAlias = SMTPServerFactory | POP3ServerFactory | IMAPServerFactory


class Shared(msgspec.Struct, frozen=True):
    """What the listeners of a server have in common."""

    settings: Settings
    directory: IDirectory
    policy: IPolicy
    delivery: IDelivery
    stores: IMailStores
    tls: ITLSContexts
    login: Login
    admission: Admission
    trusted: Callable[[str], bool]
    ids: Callable[[], str]
    clock: IReactorTime


def factory_for(listener: Listener, shared: Shared) -> ServiceFactory:
    """The factory of one listener; see ``behind_tls`` for what the port is given."""
    match listener.service:
        case Service.IMAP:
            return _imap(listener, shared)
        case Service.POP3:
            return _pop3(listener, shared)
        case _:
            return _smtp(listener, shared)


def behind_tls(factory: ServiceFactory, listener: Listener, tls: ITLSContexts) -> IProtocolFactory:
    """The same factory, with TLS from the first octet if the listener has it."""
    plain = cast(IProtocolFactory, factory)
    if listener.tls is not TlsMode.IMPLICIT:
        return plain
    return TLSMemoryBIOFactory(cast(IOpenSSLServerConnectionCreator, tls.server()), False, plain)


def _smtp(listener: Listener, shared: Shared) -> SMTPServerFactory:
    own = shared.settings
    settings = SMTPSettings(
        hostname=own.hostname,
        service=SMTPService(listener.service.value),
        starttls=listener.tls is TlsMode.STARTTLS,
        allow_plaintext_auth=listener.allow_plaintext_login,
        trusted=shared.trusted,
        limits=SMTPLimits(message=own.limits.message_size, recipients=own.limits.recipients),
        idle_limit=own.timeouts.smtp,
        auth_failures=own.limits.login_failures,
    )
    return SMTPServerFactory(
        settings,
        shared.directory,
        shared.policy,
        shared.delivery,
        shared.login,
        shared.admission,
        shared.tls,
        shared.clock,
        shared.ids,
    )


def _pop3(listener: Listener, shared: Shared) -> POP3ServerFactory:
    own = shared.settings
    settings = POP3Settings(
        hostname=own.hostname,
        starttls=listener.tls is TlsMode.STARTTLS,
        allow_plaintext_auth=listener.allow_plaintext_login,
        trusted=shared.trusted,
        limits=POP3Limits(failed_logins=own.limits.login_failures),
        idle_limit=own.timeouts.pop3,
    )
    return POP3ServerFactory(settings, shared.stores, shared.login, shared.admission, shared.tls, shared.clock)


def _imap(listener: Listener, shared: Shared) -> IMAPServerFactory:
    own = shared.settings
    settings = IMAPSettings(
        hostname=own.hostname,
        starttls=listener.tls is TlsMode.STARTTLS,
        allow_plaintext_login=listener.allow_plaintext_login,
        trusted=shared.trusted,
        idle_limit=own.timeouts.imap,
        login_failures=own.limits.login_failures,
        limits=IMAPLimits(message=own.limits.message_size),
    )
    return IMAPServerFactory(
        settings, shared.stores, shared.delivery.draft, shared.login, shared.admission, shared.tls, shared.clock
    )
