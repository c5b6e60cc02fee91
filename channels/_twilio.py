"""How Twilio signs its webhooks, shared by every Twilio product.

Sources: twilio.com/docs/usage/security (X-Twilio-Signature) and
twilio.com/docs/usage/webhooks/webhook-shared-keys (SharedKey, 2026), both as implemented by
`twilio.request_validator` 9.13.0, which the tests compare this module with. It is written anew
because the official function wants decoded text: here the signature is checked over the bytes, so a
genuine request in a broken encoding is told from a forged one and can be quarantined.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import SplitResult, parse_qs, unquote_to_bytes, urlsplit

from channels._signing import Digest, LiveSecrets, as_bytes, digest
from gateway.domain.channel import HttpRequest, Verified
from gateway.domain.errors import BadSignature

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"
_ALGORITHMS: dict[str, Digest] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: A message has about thirty fields and ten media take twenty more. Sorting what a stranger sent
#: must stay cheap.
MAX_FIELDS = 500


class TooManyFields(ValueError):
    """A form with more fields than any message has."""


def form_bytes(body: bytes) -> list[tuple[bytes, bytes]]:
    """The fields of a posted form, decoded to bytes: blank values kept, nothing stripped.

    Raises TooManyFields.
    """
    if body.count(b"&") >= MAX_FIELDS:
        msg = f"a form of more than {MAX_FIELDS} fields"
        raise TooManyFields(msg)
    fields = []
    for field in body.split(b"&"):
        if field:
            name, _, value = field.replace(b"+", b" ").partition(b"=")
            fields.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return fields


def signed_url(request: HttpRequest, ours: str, known: str) -> str:
    """The address of a call as Twilio knows it.

    Args:
        request: what came in; its `url` begins with `ours`.
        ours: the gateway's public address.
        known: the one under which Twilio reaches this account, '' where it is the same.
    """
    if not known:
        return request.url
    rest = request.url.removeprefix(ours.rstrip("/"))
    if rest == request.url:
        parts = urlsplit(request.url)
        rest = parts._replace(scheme="", netloc="").geturl()
    return known.rstrip("/") + rest


def verify(
    request: HttpRequest, url: str, tokens: LiveSecrets, shared_keys: LiveSecrets
) -> Verified:
    """Check either signature scheme.

    Args:
        request: what came in.
        url: the address Twilio called, as it is configured there.
        tokens: the account's auth tokens, for requests without a settings header.
        shared_keys: the SharedKey secrets by key id.

    Raises BadSignature. An algorithm or key id that is not known is refused, never guessed.
    """
    given = request.headers.get(SIGNATURE, "")
    if not given:
        msg = "no X-Twilio-Signature header"
        raise BadSignature(msg)
    if settings := request.headers.get(SETTINGS, ""):
        key_id, algorithm = _signature_settings(settings)
        secrets = LiveSecrets(tuple(pair for pair in shared_keys.keys if pair[0] == key_id))
        scheme = f"twilio-shared-key-{algorithm}"
    else:
        secrets, algorithm, scheme = tokens, "sha1", "twilio-token-sha1"
    texts = _signed_texts(request, url)
    name = secrets.matching(
        [as_bytes(given)],
        lambda key: [base64.b64encode(digest(key, text, algorithm)) for text in texts],
    )
    if not name:
        msg = "X-Twilio-Signature does not fit the request"
        raise BadSignature(msg)
    return Verified(scheme, name)


def _signature_settings(header: str) -> tuple[str, Digest]:
    """Read `key=<id>,algorithm=<name>`; both are required here, once each."""
    found: dict[str, str] = {}
    for part in header.split(","):
        name, _, value = part.partition("=")
        name = name.strip()
        if name in found:
            msg = f"signature settings name {name[:20]!r} twice"
            raise BadSignature(msg)
        found[name] = value.strip()
    algorithm = _ALGORITHMS.get(found.get("algorithm", "").upper())
    if algorithm is None or not found.get("key"):
        msg = "signature settings without a known algorithm and a key"
        raise BadSignature(msg)
    return found["key"], algorithm


def _signed_texts(request: HttpRequest, url: str) -> list[bytes]:
    """What Twilio may have signed: the address with and without its port (the sending side is not
    consistent), then the sorted form fields, or nothing more when the body's hash is in the query."""
    try:
        fields = b"" if _hash_covers_body(request, url) else _canonical(request.body)
    except TooManyFields as error:
        msg = str(error)
        raise BadSignature(msg) from error
    return [address.encode() + fields for address in sorted(set(_spellings(url)))]


def _hash_covers_body(request: HttpRequest, url: str) -> bool:
    """Whether this is Twilio's form for bodies that are no form: `bodySHA256` in the query, which
    the signature over the address protects."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return False
    claimed = parse_qs(urlsplit(url).query).get("bodySHA256", [])
    if not claimed:
        return False
    actual = hashlib.sha256(request.body).hexdigest()
    if not hmac.compare_digest(actual.encode(), as_bytes(claimed[0])):
        msg = "bodySHA256 does not fit the body"
        raise BadSignature(msg)
    return True


def _canonical(body: bytes) -> bytes:
    # Byte order equals code point order in UTF-8, so this sorts as the official library does.
    return b"".join(name + value for name, value in sorted(set(form_bytes(body))))


def _spellings(url: str) -> Iterator[str]:
    yield url
    parts = urlsplit(url)
    host = parts.netloc
    try:
        port = parts.port
    except ValueError:
        return
    if port is not None:
        yield _with_netloc(parts, host.rpartition(":")[0])
    elif parts.scheme in _DEFAULT_PORTS:
        yield _with_netloc(parts, f"{host}:{_DEFAULT_PORTS[parts.scheme]}")


def _with_netloc(parts: SplitResult, netloc: str) -> str:
    return parts._replace(netloc=netloc).geturl()
