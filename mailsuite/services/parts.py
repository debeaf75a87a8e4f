"""Every part of a running server, built from its settings: here, and only here, stands what implements which seam.

``Parts`` may be built before the process becomes a daemon: nothing is opened and no thread runs until ``open``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.logger import Logger

from mailsuite.config.interfaces import Interface
from mailsuite.config.networks import HOST, SUBNET, trusted_networks
from mailsuite.config.schema import Settings
from mailsuite.directory.quotas import Quotas
from mailsuite.directory.sqlite import DirectorySettings, SQLiteDirectory
from mailsuite.disk.spool import Spool
from mailsuite.interfaces import IDisk, IMailStores, IObserver, IOffload
from mailsuite.net import control
from mailsuite.net.address import NetworkOf, client_networks
from mailsuite.net.login import Login
from mailsuite.net.pop3_accounts import Accounts, Rules
from mailsuite.net.sessions import Admission, Overview
from mailsuite.net.throttle import Throttle, ThrottleSettings
from mailsuite.net.tls import TLSContexts
from mailsuite.observers import NOBODY
from mailsuite.policy.backup import Backup
from mailsuite.policy.ordered import OrderedPolicy
from mailsuite.queue.disk import DiskQueue
from mailsuite.queue.file import Places
from mailsuite.queue.reports import Reports
from mailsuite.queue.runner import Runner
from mailsuite.routing.recent import RecentRouter
from mailsuite.sendmail.maildrop import Places as LocalPlaces
from mailsuite.services import addresses, relay
from mailsuite.services.batches import Batches
from mailsuite.services.checks import checks_of
from mailsuite.services.delivery import Delivery
from mailsuite.services.factories import Shared
from mailsuite.services.home import HomeCourier, HomeRouter
from mailsuite.services.ids import message_ids
from mailsuite.services.local_mail import make_folder, origin_of
from mailsuite.services.machine import Machine, this_machine
from mailsuite.services.mta_sts import MtaSts
from mailsuite.services.observed import observed
from mailsuite.services.pickup import Pickup
from mailsuite.services.quotas import AccountQuotas
from mailsuite.services.rewriting import generic, rewriting
from mailsuite.services.trust import trusts
from mailsuite.sharing.stores import SharingStores
from mailsuite.store.maildir import MaildirStores
from mailsuite.track.database import Database
from mailsuite.track.recorder import Recorder
from mailsuite.watched import read_once

_T = TypeVar("_T")

#: Seconds for which messages wait for others to be recorded with, and then to be placed with, where few and where many
#: come.
GATHER, GATHER_MANY = 0.0, 0.002
LINGER, LINGER_MANY = 0.004, 0.02
#: Seconds that mail for other servers has to be on its way before it is put into the queue's folder.
LINGER_PASSING = 0.25
#: Seconds for which the removal of mail that was sent on waits for mail that comes, to be written with it.
STAY = 0.01
#: Seconds that what was accepted may take to come into its places when the server stops.
PLACING = 10.0


class Parts:
    """The state behind the listeners, and what relays mail."""

    log = Logger()

    def __init__(self, settings: Settings, reactor: Any, machine: Machine | None = None) -> None:
        """``machine`` is this one if none is given.  Raises ConfigError."""
        self._settings = settings
        paths, limits = settings.paths, settings.limits
        machine = machine or this_machine(reactor, limits.threads)
        interfaces = _interfaces(settings, machine)
        self._disk = disk = machine.disk(Places(paths.queue).journal)
        ids = message_ids(reactor.seconds, machine.chance())
        self._offload = machine.offload
        self._quotas = Quotas(paths.directory, machine.now)
        self._directory = SQLiteDirectory(
            *(paths.directory, self._offload, reactor, directory_settings(settings), machine.now)
        )
        self._spool = Spool(paths.spool, self._offload)
        self._batches = _batches(disk, self._offload, reactor, limits.threads)
        self._stores = self._make_stores(machine, reactor)
        self._queue = DiskQueue(paths.queue, disk, self._offload, reactor, relay.schedules(settings), machine.chance())
        returning = addresses.return_paths(settings, self._directory.resolve, reactor.seconds)
        self._observer, self._recorder = _observer(settings, self._offload, reactor)
        told = self._observer, reactor.seconds
        self._delivery = delivery = Delivery(
            *(self._stores, self._queue, self._spool, self._batches, returning.choose), *told
        )
        tls = TLSContexts(
            *(settings.tls.certificate, settings.tls.key, reactor.seconds), own=relay.client_certificate(settings)
        )
        outside = generic(settings, self._offload, reactor.seconds)
        self._courier = relay.courier(settings, tls, reactor, self._offload, outside)
        resolver = relay.resolver(settings, reactor)
        self._mta_sts = MtaSts(settings, resolver, reactor, self._offload)
        reports = Reports(delivery, self._directory, relay.report_settings(settings), reactor, ids, self._observer)
        route = relay.router(
            *(settings, resolver, interfaces, self._mta_sts.policy_of, machine.chance()),
            functools.partial(RecentRouter, seconds=reactor.seconds),
        )
        self._runner = Runner(
            self._queue,
            HomeRouter(self._directory, route),
            HomeCourier(self._directory, delivery, settings.hostname, ids, self._courier),
            reports,
            reactor,
            relay.runner_settings(settings),
            self._observer,
        )
        backup = addresses.backup(settings, self._offload, reactor.seconds)
        self.shared = self._share(delivery, backup, reports, tls, ids, interfaces, reactor)
        self._tables = (*backup.lists, self.shared.rewriting.now, *((outside,) if outside else ()))
        self.local = LocalPlaces(settings.sendmail.folder)
        self._pickup = Pickup(
            *(self.local, self._directory, self.shared.policy, delivery, reports),
            *(settings.hostname, ids, reactor, self._offload),
            observer=self._observer,
            rewriting=self.shared.rewriting,
        )

    def _make_stores(self, machine: Machine, reactor: Any) -> MaildirStores:
        settings = self._settings
        return MaildirStores(
            *(settings.paths.store, self._disk, self._offload, reactor),
            *(settings.hostname, self._quotas, machine.pid),
            open_eyes=machine.open_eyes,
            amounts=machine.amounts,
            summarize=machine.summarize,
            examine=machine.examine,
            place=self._batches.place,
            catch_up=settings.imap.index_texts,
        )

    def _share(
        self,
        delivery: Delivery,
        backup: Backup,
        reports: Reports,
        tls: TLSContexts,
        ids: Callable[[], str],
        interfaces: Sequence[Interface],
        reactor: Any,
    ) -> Shared:
        """What the listeners have in common."""
        settings, limits = self._settings, self._settings.limits
        network = client_networks(limits.ipv4_network, limits.ipv6_network)
        admission = Admission(limits.connections, limits.connections_per_address, network)
        checks = checks_of(
            *(settings, self._stores.room, backup, self._directory.resolve, network, reactor, admission.hits)
        )
        return Shared(
            settings=settings,
            directory=self._directory,
            policy=OrderedPolicy(checks),
            delivery=delivery,
            stores=self._stores,
            imap_stores=self._sharing(settings, delivery, reactor.seconds),
            tls=tls,
            login=Login(self._directory, throttle(settings, reactor, network), reactor),
            door=functools.cache(lambda listener: admission.part(listener.connections)),
            hits=admission.hits,
            quotas=AccountQuotas(settings.paths.directory, self._stores, self._offload),
            pop3_accounts=Accounts(reactor, _pop3_rules(settings)),
            trusted=trusts(trusted_networks(settings.trusted_networks, interfaces)),
            within=lambda words: trusts(trusted_networks(words, interfaces)),
            ids=ids,
            reports=reports,
            queue=self._queue,
            observer=self._observer,
            rewriting=rewriting(settings, self._offload, reactor.seconds),
            clock=reactor,
        )

    def _sharing(self, settings: Settings, delivery: Delivery, seconds: Callable[[], float]) -> IMailStores:
        """What IMAP sees of the store."""
        prefix = settings.imap.other_users
        stores = observed(self._stores, self._observer, "IMAP", seconds, bodies=True)
        return SharingStores(stores, prefix, delivery.draft) if prefix else stores

    async def open(self, path: str) -> int:
        """Open files and folders; gives how many messages wait in the queue.  ``path``: where the settings were read.
        Raises MailError, OSError."""
        self._offload.start()
        await self._offload.run(self._make_folders)
        await self._directory.open()
        await self._mta_sts.open()
        await read_once(self._tables)
        if self.local.folder:
            origin = origin_of(self._settings, await self._directory.default_domain(), path)
            await self._offload.run(make_folder, self.local, origin)
        return await self._queue.load()

    def _make_folders(self) -> None:
        """In a thread."""
        paths = self._settings.paths
        for folder in (paths.store, paths.queue, paths.spool):
            self._disk.make_folder(folder)
        self._spool.clean()
        self._disk.open()

    def start_relay(self, look: Callable[[], Overview]) -> IListeningPort:
        """Begin to send what waits; gives the port on which ``mailsuite queue`` and ``sessions`` talk to this server.
        ``look`` is the overview of now."""
        self._runner.start()
        if self.local.folder:
            self._pickup.start()
        path = Places(self._settings.paths.queue).control
        return control.listen(path, self._queue, self.shared.quotas, look, self.shared.clock, self._observer)

    async def stop_relay(self) -> None:
        """Let attempts under way end, bounded in time."""
        await self._pickup.stop()
        self._mta_sts.close()
        await self._runner.stop()
        self._courier.close()

    def at_work(self) -> list[str]:
        """What the threads do at this moment; any thread."""
        return self._offload.at_work()

    def in_thread(self, work: Callable[[], _T]) -> Deferred[_T]:
        """Between ``open`` and ``close``."""
        return self._offload.run(work)

    async def close(self) -> None:
        """Everything that was promised is on disk when this is done, and what became of it is told to those who record
        it, who are closed after; fails with ``Temporary`` where the disk does not take it, and the rest is closed all
        the same."""
        try:
            await self._last_deliveries()
            await self._stores.close()
            await self._offload.run(self._disk.close)
        finally:
            if self._recorder is not None:
                await self._recorder.close()
            await self._directory.close()
            self._quotas.close()
            self._offload.stop()

    async def _last_deliveries(self) -> None:
        """Whoever asked for them may have gone."""
        try:
            await self._delivery.close().addTimeout(PLACING, self.shared.clock)
        except TimeoutError:
            self.log.error("accepted messages are not in their places after {s} s: the next start does it", s=PLACING)


def _batches(disk: IDisk, offload: IOffload, clock: IReactorTime, threads: int) -> Batches:
    return Batches(
        *(disk, offload, clock, max(1, threads // 2), GATHER, LINGER),
        gather_many=GATHER_MANY,
        linger_many=LINGER_MANY,
        linger_passing=LINGER_PASSING,
        stay=STAY,
    )


def _observer(settings: Settings, offload: IOffload, clock: IReactorTime) -> tuple[IObserver, Recorder | None]:
    """Who is told what happens to messages; and what of it writes to disk."""
    own = settings.track
    if not own.keep:
        return NOBODY, None
    recorder = Recorder(Database(own.file, own.keep, own.size), clock, offload)
    return recorder, recorder


def _interfaces(settings: Settings, machine: Machine) -> Sequence[Interface]:
    """Asked only where it matters, so that a system that does not tell can still run the server."""
    try:
        return machine.interfaces()
    except OSError:
        words = [word for one in settings.listeners for word in (*one.proxy_from, *one.xclient_from)]
        if {HOST, SUBNET}.isdisjoint((*settings.trusted_networks, *words)):
            return ()
        raise


def throttle(settings: Settings, clock: IReactorTime, network: NetworkOf) -> Throttle:
    """What slows guessing down; ``network`` says which addresses count as one."""
    own = settings.passwords
    delays = ThrottleSettings(
        first=own.first_delay,
        longest=own.longest_delay,
        longest_for_name=own.longest_account_delay,
        forget_after=own.forget_after,
    )
    return Throttle(clock, delays, network)


def directory_settings(settings: Settings) -> DirectorySettings:
    return DirectorySettings(
        extra_domains=settings.local_domains,
        default_domain=settings.default_domain,
        postmaster=settings.postmaster,
        hostname=settings.hostname,
        srs=addresses.srs(settings),
        remember=settings.passwords.remember,
        checks_at_once=settings.passwords.checks_at_once,
    )


def _pop3_rules(settings: Settings) -> Rules:
    own = settings.pop3
    return Rules(exclusive=own.exclusive, login_delay=own.login_delay, expire_days=own.expire_days)
