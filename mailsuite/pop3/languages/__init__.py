"""The languages of LANG (RFC 6856 §3), a module each, and the choice of one for a language range."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from mailsuite.pop3.languages import de, es, fr, ru, zh
from mailsuite.pop3.texts import Text


class Language(enum.Enum):
    """The values are language tags (RFC 5646)."""

    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    SPANISH = "es"
    RUSSIAN = "ru"
    CHINESE = "zh"

    @property
    def own_name(self) -> str:
        """What it calls itself."""
        return _NAMES[self]

    def say(self, text: Text, **values: object) -> str:
        """The text in this language."""
        return WORDS[self][text].format(**values)


_NAMES = {
    Language.ENGLISH: "English",
    Language.GERMAN: "Deutsch",
    Language.FRENCH: "Français",
    Language.SPANISH: "Español",
    Language.RUSSIAN: "Русский",
    Language.CHINESE: "中文",
}
WORDS: Mapping[Language, Mapping[Text, str]] = {
    Language.ENGLISH: {text: text.value for text in Text},
    Language.GERMAN: de.WORDS,
    Language.FRENCH: fr.WORDS,
    Language.SPANISH: es.WORDS,
    Language.RUSSIAN: ru.WORDS,
    Language.CHINESE: zh.WORDS,
}


def find(wanted: str, preferred: Language) -> Language | None:
    """The language for a basic language range (RFC 4647 §2.1) or ``*``; None if there is none.

    Ours have no subtags, so a range with more of them than that is shortened from its end (§3.4)."""
    if wanted == "*":
        return preferred
    primary = wanted.partition("-")[0].lower()
    return next((language for language in Language if language.value == primary), None)
