"""SMTP service extensions, one module each: keyword, when it is offered, parameters, RFC; ``table`` has them all."""
