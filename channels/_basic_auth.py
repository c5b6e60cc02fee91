"""The user and password in a webhook's address, which arrive as basic authentication (RFC 7617)."""

import base64

from channels._signing import LiveSecrets, as_bytes
from gateway.domain.channel import HttpRequest
from gateway.domain.errors import BadSignature


def check_password(request: HttpRequest, user: str, passwords: LiveSecrets) -> str:
    """The name of the password that was given. Compared as it is written on the wire, in constant
    time. Raises BadSignature."""
    given = request.headers.get("authorization", "")
    scheme, _, credentials = given.partition(" ")
    if scheme.lower() != "basic" or not credentials:
        raise BadSignature("no user and password")
    name = passwords.matching(
        [as_bytes(credentials)],
        lambda password: [base64.b64encode(user.encode() + b":" + password)],
    )
    if not name:
        raise BadSignature("the user or the password is wrong")
    return name
