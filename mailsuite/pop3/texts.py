"""What the server says to people, by meaning: ``Text``.  Which words stand for it is ``pop3.languages``' business.

Fields in braces are filled in when it is said.  Without LANG every text is English and ASCII (RFC 6856 §3.2).
"""

from __future__ import annotations

import enum


class Text(enum.Enum):
    """The values are the English words."""

    # the session
    READY = "{hostname} POP3 server ready"
    BYE = "bye"
    NOTHING = "nothing done"
    CAPABILITIES = "capabilities follow"
    BEGIN_TLS = "begin the TLS handshake"
    UTF8 = "UTF-8 from now on"
    LANGUAGES = "languages follow"
    LANGUAGE = "I speak English now"
    SEND_PASSWORD = "send the password"  # noqa: S105
    # the maildrop
    SUMMARY = "{count} messages ({octets} octets)"
    NAMES = "unique ids follow"
    OCTETS = "{octets} octets"
    TOP = "top of the message follows"
    DELETED = "message {number} deleted"
    # what is wrong with a command
    UNKNOWN_COMMAND = "unknown command"
    TOO_LONG = "line too long"
    NUL = "NUL in a command"
    NO_ARGUMENT = "{keyword} takes no argument"
    ARGUMENTS = "{keyword} takes another number of arguments: {count}"
    BEFORE_LOGIN = "{keyword} is not allowed before the login"
    AFTER_LOGIN = "{keyword} is not allowed after the login"
    NOT_A_NUMBER = "not a number"
    NOT_UTF8 = "that is not UTF-8"
    USER_FIRST = "send USER first"
    NO_MESSAGE = "no such message, there are {count}"
    IS_DELETED = "message {number} is deleted"
    GONE = "the message is gone"
    NO_LANGUAGE = "no such language: {language}"
    NO_TLS = "there is no TLS here"
    TLS_THERE = "TLS is there already"
    TLS_BEFORE_UTF8 = "STLS comes before UTF8"
    BEHIND_STLS = "nothing may follow STLS before the handshake"
    NO_APOP = "there is no APOP here"
    NOT_A_DIGEST = "not an APOP digest"
    # the login
    NO_PASSWORDS = "no passwords without TLS"
    SEE_SASL = "no passwords here, see SASL in CAPA"
    WRONG = "the login name or the password is wrong"
    NOT_ALLOWED = "this account may not act as another"
    TLS_FIRST = "start TLS first"
    NO_MECHANISM = "no such authentication mechanism"
    CANCELLED = "cancelled by the client"
    MALFORMED = "not a response of this mechanism; check the mail program, or take another one"
    THROTTLED = "too many failed logins; try again later"
    IN_USE = "another session has the mailbox"
    TOO_SOON = "{seconds} seconds between two logins, please"
    # limits
    TOO_MANY_COMMANDS = "too many commands for one session, log in again for the rest"
    TOO_MANY_FAULTS = "too many errors; mend them, then connect again"
    TOO_MANY_LOGINS = "too many failed logins; check the name and the password, then connect again"
    # trouble
    TEMPORARY = "temporary trouble, try again later"
    PERMANENT = "the mailbox cannot be used"
    NOT_REMOVED = "the deleted messages are not removed"
    STOPPING = "the server is shutting down"
    NO_LOGIN = "no login for too long"
    DISMISSED = "the account is gone or disabled, or its password was changed; log in again"
    FAULT = "internal error"
