"""The folder that the server shares with the programs of its machine: socket, maildrop, what they must know.

See ``sendmail.maildrop`` for what lies in it.  It is made after twistd has given up root, so it is the server's user's.
"""

from __future__ import annotations

import os

import msgspec

from mailsuite.config.schema import Listener, Service, Settings
from mailsuite.errors import ConfigError
from mailsuite.net.socket_path import short_path
from mailsuite.sendmail.maildrop import DROP_MODE, FOLDER_MODE, Origin, Places
from mailsuite.services.factories import ServiceFactory, Shared, factory_for
from mailsuite.services.sockets import Taken, take

_SOCKET_MODE = "0666"
_TOLD_MODE = 0o644


def make_folder(places: Places, origin: Origin) -> None:
    """Blocking, at the start.  Raises ConfigError."""
    try:
        for folder, mode in ((places.folder, FOLDER_MODE), (places.broken, 0o700), (places.drop, DROP_MODE)):
            os.makedirs(folder, 0o700, exist_ok=True)
            os.chmod(folder, mode)
        tell(places, origin)
    except OSError as error:
        raise ConfigError(f"sendmail.folder: {error.filename or places.folder}: {error.strerror}") from error


def tell(places: Places, origin: Origin) -> None:
    """Write down what programs must know.  Blocking; OSError."""
    fresh = f"{places.origin}.new"
    with open(fresh, "wb") as file:
        os.fchmod(file.fileno(), _TOLD_MODE)
        file.write(msgspec.json.encode(origin) + b"\n")
    os.replace(fresh, places.origin)


def origin_of(settings: Settings, domain: str, path: str) -> Origin:
    """``domain``: that of the directory; ``path``: where the settings were read."""
    size = settings.limits.message_size
    return Origin(settings.hostname, domain or settings.hostname, size, os.path.abspath(path))


def local_factory(listener: Listener, shared: Shared) -> ServiceFactory:
    """Submission from whoever this machine lets in: trusted like everybody on it (``sendmail`` needs no login)."""
    return factory_for(listener, msgspec.structs.replace(shared, trusted=lambda address: True))


def take_socket(places: Places) -> Taken:
    """Everybody who reaches it may connect.  Raises ConfigError."""
    listener = Listener(Service.SUBMISSION, f"unix:{short_path(places.socket)}", mode=_SOCKET_MODE)
    (taken,) = take([listener])
    return taken
