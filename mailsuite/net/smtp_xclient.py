"""XCLIENT of one connection: who the client is from now on.

Trust, limits and policy are then those of the client that was named; its place among the connections stays that of who
connected.  An account is believed if there is one of that name.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mailsuite.interfaces import IDirectory
from mailsuite.model import Account, Client
from mailsuite.smtp.events import XClient

#: For an address that is not known: no client's, and in no network that anybody trusts by mistake.
_NO_ADDRESS = "0.0.0.0"  # noqa: S104 - nothing is bound to it


def named_client(client: Client, event: XClient, account: Account, trusts: Callable[[str], bool]) -> Client:
    """``client`` with what the command names; TLS is what it is."""
    named = event.attributes
    address = named.get("ADDR", client.address) or _NO_ADDRESS
    return msgspec.structs.replace(
        client,
        address=address,
        port=int(named.get("PORT", client.port) or 0),
        helo="",
        account=account.name,
        trusted=trusts(address),
    )


async def named_account(directory: IDirectory, event: XClient) -> Account:
    """That of LOGIN; one without a name if there is none.  Raises NotFound, Temporary."""
    login = event.attributes.get("LOGIN", "")
    return await directory.find(login) if login else Account("")
