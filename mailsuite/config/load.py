"""Reads ``mailsuite.toml``: text to ``Settings``, with every path absolute.

Promises: whatever is wrong with the file's shape is one ``ConfigError`` with one line; nothing outside the file is
looked at (that is ``config.check``).
"""

from __future__ import annotations

import os
import tomllib

import msgspec

from mailsuite.config.explain import explain
from mailsuite.config.locate import spot
from mailsuite.config.place import UNIX, Unix, place_of
from mailsuite.config.schema import Listener, Settings
from mailsuite.errors import ConfigError

#: A configuration file larger than this is not one.
_LARGEST = 1024 * 1024


def load(path: str) -> Settings:
    """The settings of a file; relative paths in it start at its folder.  Raises ConfigError."""
    try:
        with open(path, "rb") as file:
            text = file.read(_LARGEST + 1).decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: octet {error.start} is not UTF-8; a TOML file is UTF-8 text") from error
    if len(text) > _LARGEST:
        raise ConfigError(f"{path}: larger than 1 MiB; this is not a configuration file")
    return parse(text, path)


def parse(text: str, path: str) -> Settings:
    """The settings in ``text``, which came from ``path``.  Raises ConfigError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        settings = msgspec.convert(data, Settings)
    except msgspec.ValidationError as error:
        found = explain(error, data)
        raise ConfigError(f"{spot(path, text, found.steps)}: {found.words}") from error
    return _anchored(settings, os.path.dirname(os.path.abspath(path)))


def _anchored(settings: Settings, folder: str) -> Settings:
    """The same settings with absolute paths."""

    def full(path: str) -> str:
        return os.path.normpath(os.path.join(folder, path)) if path else ""

    def anchored(listener: Listener) -> Listener:
        place = place_of(listener.address, listener.port)
        address = UNIX + full(place.path) if isinstance(place, Unix) else listener.address
        return replace(listener, address=address, client_ca=full(listener.client_ca))

    replace = msgspec.structs.replace
    paths, tls, smarthost, rewriting = settings.paths, settings.tls, settings.smarthost, settings.rewriting
    return replace(
        settings,
        listeners=tuple(map(anchored, settings.listeners)),
        paths=replace(
            paths,
            directory=full(paths.directory),
            store=full(paths.store),
            queue=full(paths.queue),
            spool=full(paths.spool),
        ),
        tls=replace(tls, certificate=full(tls.certificate), key=full(tls.key)),
        backups=tuple(replace(one, recipients=full(one.recipients)) for one in settings.backups),
        transports=tuple(replace(one, password_file=full(one.password_file)) for one in settings.transports),
        track=replace(settings.track, file=full(settings.track.file)),
        sendmail=replace(settings.sendmail, folder=full(settings.sendmail.folder)),
        rewriting=replace(
            rewriting,
            canonical=full(rewriting.canonical),
            sender_canonical=full(rewriting.sender_canonical),
            recipient_canonical=full(rewriting.recipient_canonical),
            generic=full(rewriting.generic),
        ),
        srs=replace(settings.srs, secret_file=full(settings.srs.secret_file)),
        relay=replace(
            settings.relay,
            mta_sts_folder=full(settings.relay.mta_sts_folder),
            client_certificate=full(settings.relay.client_certificate),
            client_key=full(settings.relay.client_key),
        ),
        smarthost=replace(smarthost, password_file=full(smarthost.password_file)),
    )
