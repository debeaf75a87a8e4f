"""Whose server a call of ``sendmail`` is for, and who calls."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import msgspec

from mailsuite.errors import ConfigError
from mailsuite.sendmail.exits import Exit, Stop
from mailsuite.sendmail.maildrop import Origin, Places

if TYPE_CHECKING:
    from mailsuite.config.schema import Settings

#: Names the configuration file, as for every command.
VARIABLE = "MAILSUITE_CONFIG"
#: The folder that the server shares with its users, as ``--install`` links it; else the configuration says.  Never
#: a file of the current folder, which may be anybody's.
LINK = "/etc/mailsuite/sendmail"
CONFIG = "/etc/mailsuite/mailsuite.toml"


class Site(msgspec.Struct, frozen=True):
    places: Places
    origin: Origin


def find(config: str = "") -> Site:
    """``config``: the configuration file that was given.  Raises Stop."""
    named = _named(config)
    if not named and os.path.lexists(LINK):
        places = Places(os.path.realpath(LINK))
        return Site(places, _told(places.origin))
    return configured(named or CONFIG)


def settings_of(config: str = "") -> Settings:
    """All settings, for those who may read them, also where no mail is taken by sendmail.  Raises Stop."""
    named = _named(config)
    if not named and os.path.lexists(LINK):
        named = _told(Places(os.path.realpath(LINK)).origin).config
    return _loaded(named or CONFIG, "only the server's user and root may look at the queue")


def _named(config: str) -> str:
    return config or os.environ.get(VARIABLE, "")


def _loaded(config: str, denied: str) -> Settings:
    """``denied``: what to say to those who may not read it."""
    from mailsuite.config.load import load  # noqa: PLC0415 - takes as long as all the rest, and few calls need it

    try:
        return load(config)
    except ConfigError as error:
        raise _unusable(config, error, denied) from None


def _unusable(config: str, error: ConfigError, denied: str) -> Stop:
    """With what to do."""
    if isinstance(error.__cause__, PermissionError):
        return Stop(Exit.NOPERM, f"{error}; {denied}")
    if isinstance(error.__cause__, FileNotFoundError) and config == CONFIG:
        hint = f"name the server's configuration with -C FILE or in {VARIABLE}, or have root call"
        return Stop(Exit.CONFIG, f"{config} is not there: {hint} `mailsuite sendmail --install --config FILE` once")
    return Stop(Exit.CONFIG, str(error))


def configured(config: str) -> Site:
    """As a configuration file says, whether a server has run or not.  Raises Stop."""
    settings = _loaded(config, "root lets everybody send with `mailsuite sendmail --install`")
    if not settings.sendmail.folder:
        raise Stop(Exit.CONFIG, f"{config}: sendmail.folder is empty: this server takes no mail by sendmail")
    places = Places(settings.sendmail.folder)
    if os.path.exists(places.origin):
        return Site(places, _told(places.origin))
    domain = settings.default_domain or settings.hostname
    return Site(places, Origin(settings.hostname, domain, settings.limits.message_size, os.path.abspath(config)))


def _told(path: str) -> Origin:
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=Origin)
    except FileNotFoundError:
        raise Stop(Exit.TEMPFAIL, f"{path} is not there: the server has not run yet") from None
    except OSError as error:
        raise Stop(Exit.TEMPFAIL, f"{path}: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise Stop(Exit.CONFIG, f"{path}: {error}") from None


def caller() -> tuple[str, str]:
    """Login name and full name of who calls.  Raises Stop."""
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        raise Stop(Exit.OSERR, f"there is no user with the number {os.getuid()}") from None
    name = entry.pw_gecos.partition(",")[0].replace("&", entry.pw_name.capitalize())  # passwd(5)
    return entry.pw_name, name
