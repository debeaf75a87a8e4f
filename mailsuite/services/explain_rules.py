"""For each check: which option it goes by, and what its yes means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailsuite.config.locate import Path
from mailsuite.config.schema import Settings
from mailsuite.errors import InvalidName
from mailsuite.model import Address, Client, Forward, Local, Remote, Resolution
from mailsuite.policy.backup import Backup, line_of
from mailsuite.policy.checks import Check, Loop, Quota, RelayRights, Size
from mailsuite.policy.rates import Rates
from mailsuite.policy.senders import OwnAddresses
from mailsuite.routing.patterns import domain_pattern, is_in
from mailsuite.services.explained import Usage
from mailsuite.watched import LARGEST


def rule_of(
    check: Check, settings: Settings, client: Client, found: Resolution | None, arguments: Sequence[object] = ()
) -> Path:
    """The option; empty where the directory or nobody but the check itself decides.  ``arguments`` are the check's."""
    others = _backup(settings, arguments)
    match check:
        case Size():
            return ("limits", "message_size")
        case Loop():
            return ("limits", "hops")
        case RelayRights():
            if not isinstance(found, Remote) or client.account:
                return ()
            return others if others and not client.trusted else ("trusted_networks",)
        case Backup():
            return others or ("backup",)
        case OwnAddresses():
            free = [name.lower() for name in settings.submission.may_send_as_anybody]
            if client.account in free:
                return ("submission", "may_send_as_anybody", free.index(client.account))
            return ("submission", "own_sender")
        case Rates():
            return (
                "rates",
                f"{'account' if client.account else 'address'}_{'messages' if found is None else 'recipients'}",
            )
        case Quota():
            return ()
    return (type(check).__name__,)


def _backup(settings: Settings, arguments: Sequence[object]) -> Path:
    """The section about the recipient's domain."""
    domain = next((one.domain.lower() for one in arguments[2:3] if isinstance(one, Address)), "")
    for index, section in enumerate(settings.backups):
        if any(is_in(domain, domain_pattern(own)) for own in section.domains):
            return ("backup", index)
    return ()


def place_in_list(
    check: Check, settings: Settings, path: Path, found: Resolution | None, arguments: Sequence[object]
) -> str:
    """``FILE:LINE`` of who has mail in a domain of others, or the file alone that does not name the recipient; empty
    where no such file is asked.  Blocking."""
    match check, found, path, arguments:
        case Backup(), Remote(), ("backup", int(index)), (_, _, Address() as recipient, *_):
            file = settings.backups[index].recipients
            line = _line_in(file, recipient) if file else 0
            return f"{file}:{line}" if line else file
    return ""


def _line_in(file: str, recipient: Address) -> int:
    """0 too if the list makes no sense any more: what it said before holds then."""
    try:
        with open(file, encoding="utf-8") as opened:
            return line_of(opened.read(LARGEST), recipient)
    except (OSError, ValueError, InvalidName):
        return 0


def place_of_rule(check: Check, client: Client, found: Resolution | None) -> str:
    """In the directory, where no option decides."""
    if isinstance(check, Quota):
        return "quota"
    return f"account {client.account}" if isinstance(found, Remote) else "domains, accounts, aliases"


def words_of(
    check: Check, client: Client, found: Resolution | None, usages: Mapping[str, Usage], settings: Settings
) -> str:
    """Why it says yes."""
    match check:
        case RelayRights():
            return _relay(client, found)
        case Size():
            return "not too big"
        case Backup():
            return "not among what is known to be refused there"
        case Loop():
            return "not in a circle, as far as the envelope shows"
        case OwnAddresses():
            return "an address that the account may use" if client.account else "nobody is logged in: not asked"
        case Rates():
            option = rule_of(check, settings, client, found)[-1]
            limit = getattr(settings.rates, str(option))
            if client.trusted and not client.account:
                return "trusted without a login: has no rate"
            return f"{limit} an hour, unless the server has counted more" if limit else "has no rate"
        case Quota():
            return _quota(found, usages)
    return "nothing against it"


def _relay(client: Client, found: Resolution | None) -> str:
    if not isinstance(found, Remote):
        return "ends here, or an alias leads on: no right to relay is needed"
    if client.account:
        return f"may relay: logged in as {client.account}"
    return "may relay: a trusted client" if client.trusted else "a domain of others that mail is taken for"


def _quota(found: Resolution | None, usages: Mapping[str, Usage]) -> str:
    accounts = [found.account] if isinstance(found, Local) else []
    if isinstance(found, Forward):
        accounts = [local.account for local in found.accounts]
    return "; ".join(_usage(usages[name]) for name in accounts if name in usages) or "no mailbox here is asked"


def _usage(usage: Usage) -> str:
    account = usage.account
    if not account.quota_bytes and not account.quota_messages:
        return f"{account.name} has no quota"
    if not usage.known:
        return f"{account.name} has a quota; how full it is only the running server knows"
    octets = f"{usage.octets} of {account.quota_bytes} octets" if account.quota_bytes else f"{usage.octets} octets"
    count = f" of {account.quota_messages}" if account.quota_messages else ""
    return f"{account.name} keeps {octets}, {usage.messages}{count} messages"
