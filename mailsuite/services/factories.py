"""What answers on a port: for each listener the server factory of its service, told what the configuration says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias, cast

import msgspec
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory, IReactorTime
from twisted.protocols.tls import TLSMemoryBIOFactory

from mailsuite.config.option import TlsMode
from mailsuite.config.schema import Listener, Service, Settings
from mailsuite.imap.limits import Limits as IMAPLimits
from mailsuite.interfaces import (
    IDelivery,
    IDirectory,
    IMailStores,
    IObserver,
    IPolicy,
    IQueue,
    IQuotas,
    IReports,
    IRewriting,
    ITLSContexts,
)
from mailsuite.net.imap_server import IMAPServerFactory
from mailsuite.net.imap_settings import IMAPSettings
from mailsuite.net.login import Login
from mailsuite.net.pop3_accounts import Accounts
from mailsuite.net.pop3_factory import POP3ServerFactory
from mailsuite.net.pop3_settings import POP3Settings
from mailsuite.net.proxied import ProxiedFactory
from mailsuite.net.sessions import Door
from mailsuite.net.smtp_factory import SMTPServerFactory
from mailsuite.net.smtp_settings import Service as SMTPService
from mailsuite.net.smtp_settings import SMTPSettings, nobody
from mailsuite.pop3.limits import Limits as POP3Limits
from mailsuite.services.observed import observed
from mailsuite.smtp.extensions import Limits as SMTPLimits
from mailsuite.smtp.extensions import Who

#: They have ``sessions`` and ``shut_down()`` in common.
ServiceFactory: TypeAlias = SMTPServerFactory | POP3ServerFactory | IMAPServerFactory


class Shared(msgspec.Struct, frozen=True):
    """What the listeners of a server have in common."""

    settings: Settings
    directory: IDirectory
    policy: IPolicy
    delivery: IDelivery
    stores: IMailStores
    #: The same, with what others share.
    imap_stores: IMailStores
    tls: ITLSContexts
    login: Login
    #: Where a listener's connections are counted.
    door: Callable[[Listener], Door]
    hits: Counter[str]
    quotas: IQuotas
    pop3_accounts: Accounts
    trusted: Callable[[str], bool]
    #: A predicate on client addresses from networks as the configuration names them.
    within: Callable[[Sequence[str]], Callable[[str], bool]]
    ids: Callable[[], str]
    reports: IReports
    queue: IQueue
    observer: IObserver
    rewriting: IRewriting
    clock: IReactorTime


def factory_for(listener: Listener, shared: Shared) -> ServiceFactory:
    """The factory of one listener; see ``fronted_by`` for what the port is given."""
    match listener.service:
        case Service.IMAP:
            return _imap(listener, shared)
        case Service.POP3:
            return _pop3(listener, shared)
        case _:
            return _smtp(listener, shared)


def fronted_by(factory: ServiceFactory, listener: Listener, shared: Shared) -> IProtocolFactory:
    """The same factory, with a proxy's header and TLS from the first octet in front of it if the listener has them."""
    fronted = cast(IProtocolFactory, factory)
    if listener.tls is not TlsMode.NONE:  # what is wrong with the files is told at the start, for STARTTLS too
        creator = cast(IOpenSSLServerConnectionCreator, shared.tls.server(listener.client_ca))
        if listener.tls is TlsMode.IMPLICIT:
            fronted = TLSMemoryBIOFactory(creator, False, fronted)
    if listener.proxy_from:
        proxies = shared.within(listener.proxy_from)
        fronted = cast(IProtocolFactory, ProxiedFactory(fronted, proxies, shared.clock, shared.hits))
    return fronted


def _smtp(listener: Listener, shared: Shared) -> SMTPServerFactory:
    own = shared.settings
    settings = SMTPSettings(
        hostname=own.hostname,
        service=SMTPService(listener.service.value),
        starttls=listener.tls is TlsMode.STARTTLS,
        allow_plaintext_auth=listener.allow_plaintext_login,
        trusted=shared.trusted,
        limits=_smtp_limits(own),
        idle_limit=own.timeouts.smtp,
        data_limit=own.timeouts.smtp_data,
        data_rate=own.limits.data_rate,
        refuse_early=own.limits.refuse_early_talkers,
        greet_delay=own.limits.greet_delay,
        xclient=shared.within(listener.xclient_from) if listener.xclient_from else nobody,
        greeting_limit=own.timeouts.smtp_greeting,
        session_limit=own.timeouts.smtp_session,
        auth_failures=own.limits.login_failures,
        refused_recipients=own.limits.refused_recipients,
        vrfy=Who(own.extensions.vrfy.value),
        expn=Who(own.extensions.expn.value),
        etrn=Who(own.extensions.etrn.value),
        shortest_by=own.extensions.shortest_deliver_by,
        hold_limit=own.extensions.longest_hold,
        without=frozenset(keyword.upper() for keyword in own.extensions.not_offered),
        mend_bare_lf=listener.mend_bare_lf,
        mechanisms=_mechanisms(listener),
        client_ca=listener.client_ca,
    )
    return SMTPServerFactory(
        settings,
        shared.directory,
        shared.policy,
        shared.delivery,
        shared.login,
        shared.door(listener),
        shared.tls,
        shared.clock,
        shared.ids,
        shared.reports,
        shared.queue,
        shared.observer,
        shared.rewriting,
    )


def _smtp_limits(own: Settings) -> SMTPLimits:
    limits = own.limits
    return SMTPLimits(
        command_line=limits.command_line,
        message=limits.message_size,
        recipients=limits.recipients,
        errors=limits.errors,
        transactions=own.extensions.messages_per_session,
        recipient_domains=own.extensions.recipient_domains,
        commands=limits.commands,
        idle_commands=limits.idle_commands,
    )


def _pop3(listener: Listener, shared: Shared) -> POP3ServerFactory:
    own = shared.settings
    settings = POP3Settings(
        hostname=own.hostname,
        starttls=listener.tls is TlsMode.STARTTLS,
        allow_plaintext_auth=listener.allow_plaintext_login,
        trusted=shared.trusted,
        limits=POP3Limits(
            commands=own.pop3.commands, failed_logins=own.limits.login_failures, faults=own.limits.errors
        ),
        idle_limit=own.timeouts.pop3,
        login_limit=own.timeouts.login,
        mechanisms=_mechanisms(listener),
        client_ca=listener.client_ca,
        apop=own.pop3.apop,
        language=own.pop3.language,
    )
    return POP3ServerFactory(
        settings,
        observed(shared.stores, shared.observer, "POP3", shared.clock.seconds, bodies=False),
        shared.login,
        shared.door(listener),
        shared.tls,
        shared.clock,
        shared.pop3_accounts,
        shared.ids,
        shared.observer,
    )


def _imap(listener: Listener, shared: Shared) -> IMAPServerFactory:
    own = shared.settings
    settings = IMAPSettings(
        hostname=own.hostname,
        starttls=listener.tls is TlsMode.STARTTLS,
        allow_plaintext_login=listener.allow_plaintext_login,
        trusted=shared.trusted,
        idle_limit=own.timeouts.imap,
        login_limit=own.timeouts.login,
        login_failures=own.limits.login_failures,
        mechanisms=_mechanisms(listener),
        client_ca=listener.client_ca,
        other_users=own.imap.other_users,
        administrators=frozenset(name.lower() for name in own.imap.administrators),
        compress=own.imap.compress,
        notify_mailboxes=own.imap.notify_mailboxes,
        url_fetchers=frozenset(name.lower() for name in own.imap.url_fetchers),
        administrator_contact=own.imap.administrator_contact,
        comment=own.imap.comment,
        eight_bit_headers=own.imap.eight_bit_headers,
        message_limit=own.imap.message_limit,
        limits=IMAPLimits(message=own.limits.message_size),
    )
    return IMAPServerFactory(
        settings,
        shared.imap_stores,
        shared.delivery.draft,
        shared.login,
        shared.door(listener),
        shared.tls,
        shared.clock,
        shared.quotas,
    )


def _mechanisms(listener: Listener) -> tuple[str, ...]:
    return tuple(mechanism.value for mechanism in listener.mechanisms)
