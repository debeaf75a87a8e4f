"""What would happen now to an envelope: the checks of a session one by one, then the way of each recipient.

Asks the very checks, directory and router that a server with these settings has; nothing is sent and nothing counted.
What a running server has counted (rates, open connections) is not known here, what its accounts keep is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from mailsuite.config.interfaces import Interface
from mailsuite.config.locate import Path
from mailsuite.config.networks import trusted_networks
from mailsuite.config.place import place_of
from mailsuite.config.schema import Settings
from mailsuite.errors import MailError, NotAllowed, NotFound
from mailsuite.interfaces import IDirectory, IResolver
from mailsuite.model import (
    Accept,
    AddHeader,
    Address,
    Client,
    Envelope,
    Forward,
    Later,
    Local,
    Recipient,
    Refuse,
    Remote,
    Resolution,
    Verdict,
)
from mailsuite.net.address import client_networks
from mailsuite.net.smtp_replies import Stage, for_verdict
from mailsuite.net.smtp_rewriting import resolved
from mailsuite.offload import Inline
from mailsuite.policy.checks import Check, Size
from mailsuite.policy.ordered import asks_at
from mailsuite.routing.security import PolicyOf, no_policy
from mailsuite.services import addresses
from mailsuite.services.checks import checks_of
from mailsuite.services.explain_return_path import ReturnPathsTold
from mailsuite.services.explain_rewriting import Rewritings
from mailsuite.services.explain_rules import place_in_list, place_of_rule, rule_of, words_of
from mailsuite.services.explain_way import Ways
from mailsuite.services.explained import Answer, Asked, Rules, Step, Usage, spelled
from mailsuite.services.trust import trusts


class Explainer:
    """``usage`` tells what an account keeps, ``policy_of`` the MTA-STS policy of a domain."""

    def __init__(
        self,
        settings: Settings,
        rules: Rules,
        directory: IDirectory,
        resolver: IResolver,
        interfaces: Sequence[Interface],
        usage: Callable[[str], Awaitable[Usage]],
        clock: IReactorTime,
        policy_of: PolicyOf = no_policy,
    ) -> None:
        self._settings = settings
        self._rules = rules
        self._directory = directory
        self._interfaces = interfaces
        self._usage = usage
        self._clock = clock
        self._rewritings = Rewritings(settings, rules, clock.seconds)
        returning = ReturnPathsTold(settings, rules, directory, clock.seconds)
        self._ways = Ways(
            *(settings, rules, directory, resolver, interfaces, policy_of, returning, self._rewritings.outside)
        )
        limits = settings.limits
        network = client_networks(limits.ipv4_network, limits.ipv6_network)
        backup = addresses.backup(settings, Inline(), clock.seconds)
        self._checks = checks_of(settings, self._room, backup, directory.resolve, network, clock, Counter())
        #: What was found out about accounts on the way.
        self._usages: dict[str, Usage] = {}

    def _room(self, account: str, size: int) -> Deferred[bool]:
        async def ask() -> bool:
            usage = self._usages[account] = await self._usage(account)
            return usage.has_room(size)

        return Deferred.fromCoroutine(ask())

    async def explain(self, asked: Asked) -> list[Step]:
        """In the order of a session.  Raises Temporary if the directory or a table cannot be read."""
        steps, client = await self._client(asked)
        if steps[-1].answer is Answer.NO:
            return [*steps, self._outcome("", steps[-1])]
        for stage, point, arguments in (
            (Stage.CONNECT, "at_connect", (client,)),
            (Stage.GREETING, "at_greeting", (client,)),
            (Stage.SENDER, "at_sender", (client, asked.sender, asked.size)),
        ):
            no = await self._ask_all(steps, stage, point, arguments, str(asked.sender) or "<>", client)
            if no is not None:
                return [*steps, self._outcome("", no)]
        await self._rewritings.read()
        steps += self._rewritings.of_sender(asked.sender, client)
        for recipient in asked.recipients:
            await self._recipient(steps, asked, client, recipient)
        return steps

    # -- who it is -------------------------------------------------------------------------------------------------

    async def _client(self, asked: Asked) -> tuple[list[Step], Client]:
        trust, _ = self._trust(asked.client)
        steps = [self._listener(asked.service), trust]
        trusted = steps[-1].answer is Answer.YES
        account = ""
        if steps[0].answer is Answer.NO:
            steps.reverse()
        elif asked.login:
            step, account = await self._login(asked.login)
            steps.append(step)
        elif asked.service == "submission" and not trusted:
            words = "530 5.7.0 authentication is required; nobody is logged in"
            steps.append(self._rules.step("login", "", Answer.NO, words, "trusted_networks"))
        return steps, Client(asked.client, 0, asked.service, helo="client.example", account=account, trusted=trusted)

    def _listener(self, service: str) -> Step:
        for index, one in enumerate(self._settings.listeners):
            if one.service.value == service:
                where = place_of(one.address, one.port)
                return self._rules.step(
                    "connect",
                    str(where),
                    Answer.NOTE,
                    f"the first port for {service}, TLS {one.tls.value}",
                    "listener",
                    index,
                )
        return self._rules.step("connect", "", Answer.NO, f"no listener is for {service}", "listener")

    def _trust(self, client: str) -> tuple[Step, Path]:
        """And the entry that says so."""
        about = client or "Unix socket"
        path: Path = ("trusted_networks",)
        for index, word in enumerate(self._settings.trusted_networks):
            if trusts(trusted_networks([word], self._interfaces))(client):
                words = f"in the trusted network {word}: may relay without login"
                path = (*path, index)
                return self._rules.step("connect", about, Answer.YES, words, *path), path
        return self._rules.step("connect", about, Answer.NOTE, "in no trusted network", *path), path

    async def _login(self, login: str) -> tuple[Step, str]:
        where = self._settings.paths.directory
        try:
            account = await self._directory.account((await self._directory.find(login)).name)
        except (NotFound, NotAllowed) as error:
            return Step("login", login, Answer.NO, f"535 5.7.8 {error}", "account", where), ""
        words = f"as {account.name}, if the password is right"
        return Step("login", login, Answer.YES, words, f"account {account.name}", where), account.name

    # -- the envelope ----------------------------------------------------------------------------------------------

    async def _recipient(self, steps: list[Step], asked: Asked, client: Client, given: Address) -> None:
        steps += self._rewritings.of_recipient(given)
        recipient, sender = self._rewritings.recipient(given), self._rewritings.sender(asked.sender)
        found: Resolution = await resolved(self._directory, given, recipient)
        steps.append(self._found(recipient, found))
        arguments = (client, asked.sender, recipient, found, asked.size)
        no = await self._ask_all(steps, Stage.RECIPIENT, "at_recipient", arguments, str(recipient), client, found)
        if no is None:
            envelope = Envelope("explained", sender, (Recipient(recipient),), self._clock.seconds())
            message = (client, envelope, b"", asked.size)
            no = await self._ask_all(steps, Stage.MESSAGE, "at_message", message, str(recipient), client)
        if no is None:
            await self._ways.follow(steps, sender, recipient, found)
        else:
            steps.append(self._outcome(str(recipient), no))

    def _found(self, recipient: Address, found: Resolution) -> Step:
        where = self._settings.paths.directory
        if isinstance(found, Remote):
            return Step("recipient", str(recipient), Answer.NOTE, "the domain is not ours", "domains", where)
        words = "no account, alias or catch-all of that name"
        rule = f"domain {recipient.domain}"
        if isinstance(found, Local):
            words = f"account {found.account}" + (f", detail {found.detail}" if found.detail else "")
            rule = f"account {found.account}"
        elif isinstance(found, Forward):
            ends = [local.account for local in found.accounts] + [str(address) for address in found.addresses]
            words, rule = f"alias for {', '.join(ends)}", f"alias {recipient}"
        own = self._settings.local_domains
        if recipient.domain in own:
            return self._rules.step(
                "recipient", str(recipient), Answer.NOTE, words, "local_domains", own.index(recipient.domain)
            )
        return Step("recipient", str(recipient), Answer.NOTE, words, rule, where)

    async def _ask_all(
        self,
        steps: list[Step],
        stage: Stage,
        point: str,
        arguments: tuple[object, ...],
        about: str,
        client: Client,
        found: Resolution | None = None,
    ) -> Step | None:
        """Each check that has something to say there; the refusal, if there is one."""
        for check in self._checks:
            if asks_at(check, point):
                step = await self._ask(check, stage, point, arguments, about, client, found)
                steps.append(step)
                if step.answer in (Answer.NO, Answer.LATER):
                    return step
        return None

    async def _ask(
        self,
        check: Check,
        stage: Stage,
        point: str,
        arguments: tuple[object, ...],
        about: str,
        client: Client,
        found: Resolution | None,
    ) -> Step:
        asked = getattr(check, point)(*arguments)
        try:
            verdict: Verdict = await asked if isinstance(asked, Deferred) else asked
        except MailError as error:
            return Step(_STAGES[stage], about, Answer.LATER, f"cannot be decided now: {error}", type(check).__name__)
        path = rule_of(check, self._settings, client, found, arguments)
        words, answer = words_of(check, client, found, self._usages, self._settings), Answer.YES
        if isinstance(verdict, Refuse | Later):
            answer = Answer.NO if isinstance(verdict, Refuse) else Answer.LATER
            words = str(for_verdict(verdict, stage))
        elif isinstance(verdict, AddHeader):
            words = f"adds {verdict.field.decode('utf-8', 'replace').strip()}"
        elif not isinstance(verdict, Accept):
            raise TypeError(verdict)
        elif isinstance(check, Size) and not arguments[-1]:
            answer, words = Answer.NOTE, "not asked: no size was given"
        if listed := place_in_list(check, self._settings, path, found, arguments):
            return Step(_STAGES[stage], about, answer, words, f"{spelled(path)}.recipients", listed)
        if not path:
            rule = place_of_rule(check, client, found)
            return Step(_STAGES[stage], about, answer, words, rule, self._settings.paths.directory)
        if path == ("trusted_networks",) and client.trusted:
            path = self._trust(client.address)[1]
        return self._rules.step(_STAGES[stage], about, answer, words, *path)

    def _outcome(self, about: str, no: Step) -> Step:
        return Step("outcome", about, no.answer, no.words, no.rule, no.where)


_STAGES = {
    Stage.CONNECT: "connect",
    Stage.GREETING: "greeting",
    Stage.SENDER: "sender",
    Stage.RECIPIENT: "recipient",
    Stage.MESSAGE: "message",
}
