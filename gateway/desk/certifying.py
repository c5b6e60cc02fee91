"""Puts certificates of an installation's own cases in force, in place of those of the same scope."""

from collections.abc import Sequence
from dataclasses import asdict

from gateway.domain.decision import Certificate
from gateway.domain.errors import NotAllowed
from gateway.domain.plan import LogEvent, derived_id
from gateway.domain.store import Store, Tx
from gateway.domain.world import Clock, Ids


async def put_in_force(
    store: Store, clock: Clock, ids: Ids, certificates: Sequence[Certificate], agent: str
) -> list[str]:
    """All of them, or none; the ids of the certificates they replace.

    Certificates of the same scope and knowledge are replaced; those of another version of the
    knowledge permit nothing now, and are there again when that version is.

    Raises:
        NotAllowed: one that rests on the very same cases was ended before; it does not come back.
    """
    command, now = ids.new(), clock.now()

    def work(tx: Tx) -> list[str]:
        replaced = []
        for made in certificates:
            known = tx.one("certificates.by_id", id=made.id)
            if known is not None and known["revoked_at"] is not None:
                why = known["ended_because"] or "it was revoked"
                raise NotAllowed(
                    f"{made.scope}: the certificate that these cases permit was in force and has "
                    f"ended ({why}); it takes more reviewed cases to make another"
                )
            for old in tx.all("certificates.in_force"):
                same = (old["scope"], old["knowledge"]) == (made.scope, made.knowledge)
                if same and old["id"] != made.id:
                    tx.run(
                        "certificates.end", id=old["id"], at=now, ended="replaced",
                        because=f"replaced by {made.id}",
                    )  # fmt: skip
                    replaced.append(old["id"])
            tx.run_many("certificates.add", [{**asdict(made), "created_at": now}])
            data = {**asdict(made), "certificate": made.id, "agent": agent}
            tx.log(LogEvent(derived_id(command, made.id), "certificate.made", now, data=data))
        return replaced

    return await store.write(work)
