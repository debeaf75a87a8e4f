"""When mail that another server does not take would be tried again, and which section says so."""

from __future__ import annotations

from mailsuite.config.schema import Settings
from mailsuite.model import Address, Envelope, Recipient
from mailsuite.services import relay
from mailsuite.services.explained import Answer, Rules, Step

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def schedule_of(settings: Settings, rules: Rules, sender: Address, recipient: Address) -> Step:
    """For a message to that recipient alone."""
    envelope = Envelope("explained", sender, (Recipient(recipient),), 0.0)
    for index, one in enumerate(settings.schedules):
        if relay.retry_rule(settings, one).holds(envelope):
            return rules.step("schedule", str(recipient), Answer.NOTE, _words(settings, envelope), "schedule", index)
    return rules.step("schedule", str(recipient), Answer.NOTE, _words(settings, envelope), "retry", "waits")


def _words(settings: Settings, envelope: Envelope) -> str:
    own = relay.schedules(settings).of(envelope)
    waits = ", ".join(_span(wait) for wait in own.waits)
    notice = (
        f"its sender hears of the delay after {_span(own.delay_notice)}"
        if own.delay_notice
        else "nobody hears of the delay"
    )
    return f"if need be tried again after {waits}; {notice}; given up after {_span(own.lifetime)}"


def _span(seconds: float) -> str:
    """In the largest unit that goes in evenly."""
    return next((f"{seconds / one:g} {unit}" for one, unit in _UNITS if seconds % one == 0), f"{seconds:g} s")
