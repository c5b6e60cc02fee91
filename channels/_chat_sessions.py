"""Gives tokens: to anybody as a visitor, to a user of the app for whom the app vouches, and again to who
has one."""

from dataclasses import dataclass, replace

from channels._chat_files import fields_of
from channels._chat_jwt import Jwt
from channels._chat_refusal import Refusal
from channels._chat_tokens import VISITOR, Identity, Tokens, Visitor, vouched
from channels._signing import LiveSecrets
from gateway.domain.errors import BadSignature
from gateway.domain.world import World


@dataclass(frozen=True, slots=True)
class Sessions:
    """The tokens of one account.

    Args:
        world: the account's.
        tokens: signs them.
        secrets: with which the app signs who its user is.
        jwt: reads its JSON Web Tokens; None without a key for them.
        anonymous: whether visitors get one who do not say who they are.
        life: seconds a token is good for.
        visitor_life: seconds in which a visitor's can be renewed.
        user_life: seconds in which a user's can be renewed, without the app saying again who it is.
    """

    world: World
    tokens: Tokens
    secrets: LiveSecrets
    jwt: Jwt | None
    anonymous: bool
    life: float
    visitor_life: float
    user_life: float

    def now(self) -> float:
        """Of the account's clock."""
        return self.world.clock.now()

    def begun(self, body: object, present: Visitor | None) -> Visitor:
        """Who the new token is for.

        Args:
            body: of the call: nothing, `jwt`, or `user_id`, `at`, `signature` and perhaps `name`.
            present: who the caller is by the token it has already.

        Raises:
            Refusal: the identity is not proved, or there is none and visitors are not let in.
        """
        now, fields = int(self.world.clock.now()), fields_of(body)
        identity = self._identity({name: str(value) for name, value in fields.items()}, now)
        if identity is not None:
            before = ""
            if present is not None:
                before = present.before if present.verified else present.handle
            until = now + int(self.user_life)
            found = Visitor(identity.user_id, True, 0, until, identity.name, before)
        elif present is not None:
            found = present
        elif self.anonymous:
            handle = VISITOR + self.world.ids.new()
            found = Visitor(handle, False, 0, now + int(self.visitor_life))
        else:
            raise Refusal(401, "no_identity", "the app has to say who its user is")
        if found.until <= now:
            raise Refusal(401, "bad_token", "the token cannot be renewed any more; begin anew")
        return replace(found, expires=min(found.until, now + int(self.life)))

    def _identity(self, fields: dict[str, str], now: float) -> Identity | None:
        """Raises `Refusal`, and says in the log why."""
        try:
            return self._proved(fields, now)
        except BadSignature as error:
            self.world.log.warning("chat identity refused", why=str(error))
            raise Refusal(401, "bad_identity", str(error)) from error

    def _proved(self, fields: dict[str, str], now: float) -> Identity | None:
        if "jwt" in fields:
            if self.jwt is None:
                raise BadSignature("this account has no key for a JWT")
            return self.jwt.identity(fields["jwt"], now)
        if "user_id" in fields or "signature" in fields:
            return vouched(
                self.secrets, self.world.account_id, fields.get("at", ""),
                fields.get("user_id", ""), fields.get("name", ""),
                fields.get("signature", ""), now,
            )  # fmt: skip
        return None

    def answer(self, visitor: Visitor) -> dict[str, object]:
        """What the caller gets."""
        return {
            "token": self.tokens.issue(visitor),
            "expires_at": visitor.expires,
            "renewable_until": visitor.until,
            "handle": visitor.handle,
            "verified": visitor.verified,
        }
