"""Which instance a command works on: the configuration file it names, or the one found in the usual places."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from mailsuite.config.load import load
from mailsuite.config.schema import Settings
from mailsuite.directory.database import Database
from mailsuite.directory.lookup import Lookups
from mailsuite.directory.names import canonical_domain
from mailsuite.directory.records import Records
from mailsuite.errors import ConfigError, NotFound

#: Names the configuration file when ``--config`` does not.
VARIABLE = "MAILSUITE_CONFIG"
#: Where it is looked for then, in this order.
PLACES = ("mailsuite.toml", "/etc/mailsuite/mailsuite.toml")


def find_config(given: str | None = None) -> str:
    """The path of the configuration file: what was given, else ``$MAILSUITE_CONFIG``, else the first of ``PLACES``
    that exists.  Raises ConfigError."""
    named = given or os.environ.get(VARIABLE)
    if named:
        return named
    for place in PLACES:
        if os.path.exists(place):
            return place
    raise ConfigError(f"no configuration: give --config FILE or set {VARIABLE}; looked for {' and '.join(PLACES)}")


def settings_of(given: str | None = None) -> Settings:
    """The settings of the instance, paths absolute.  Raises ConfigError."""
    return load(find_config(given))


def queue_folder(given: str | None = None) -> str:
    """The absolute path of the instance's queue folder.  Raises ConfigError."""
    return settings_of(given).paths.queue


def known_domain(records: Records, given: str) -> str:
    """The canonical name of a domain here; empty if none was given.  Raises InvalidName, NotFound."""
    if not given:
        return ""
    name = canonical_domain(given)
    if not records.look.is_local(name):
        raise NotFound(f"there is no domain {name} here")
    return name


@contextlib.contextmanager
def open_records(given: str | None = None) -> Iterator[Records]:
    """The instance's directory, open for reading and changing.  Raises ConfigError, NotFound, Corrupt, Temporary."""
    settings = settings_of(given)
    with contextlib.closing(Database(settings.paths.directory)) as database:
        own = settings
        yield Records(database, Lookups(database, own.local_domains, own.default_domain, own.postmaster, own.hostname))
