"""The ledger's busy statements, by name. They run straight on the driver, a batch at a time.

`{ids}` stands for a JSON array taken apart in the database (`[3, 4]`), `{due}` for a JSON object with a number for each
id (columns id and due), and `{skip}` for what keeps two claims of a fleet from waiting for each other. `{id}`,
`{words}`, `{each}` and `{which}` make a statement that `Transaction.apply` runs for many deliveries, each with its own
words: SQLite, which is in the process, takes it once for each; PostgreSQL, which is a round trip away, takes all at
once. Only these differ between the two. Everything that is not busy is written where it is used, with SQLAlchemy Core.
"""

from __future__ import annotations

from functools import lru_cache

from digest.delivery import Event, State
from digest.ledger.transitions import SOURCES, TARGET, TRIES


def _listed(states: frozenset[State]) -> str:
    return ", ".join(f"'{state}'" for state in sorted(states))


def _apply(event: Event) -> str:
    """One event and reply code for many deliveries, each with its own words. Only what fits is changed."""
    changes = ["changed = :now", "owner = ''", "lease = 0"]
    if event in TRIES:
        # A refusal of what is deferred already closes a try that was counted when it was deferred.
        changes += ["code = :code", "detail = {words}", "next_try = 0"]
        changes += ["attempts = deliveries.attempts + CASE deliveries.state WHEN 'deferred' THEN 0 ELSE 1 END"]
    else:
        changes += ["next_try = 0"]
        changes += ["code = CASE WHEN {words} = '' THEN deliveries.code ELSE :code END"]
        changes += ["detail = CASE WHEN {words} = '' THEN deliveries.detail ELSE {words} END"]
    return (
        f"UPDATE deliveries SET state = '{TARGET[event]}', {', '.join(changes)}{{each}} "  # noqa: S608 - our words
        f"WHERE deliveries.id = {{id}} AND deliveries.state IN ({_listed(SOURCES[event])}) "
        "AND (:owner = '' OR deliveries.owner IN ('', :owner)){which}"
    )


APPLY: dict[Event, str] = {event: _apply(event) for event in Event if event not in (Event.CLAIM, Event.INTEND)}

# Only in an edition that is open, and in which everybody is marked who was suppressed since.
INTEND = (
    "UPDATE deliveries SET state = 'sending', changed = :now{each} WHERE deliveries.id = {id} AND state = 'claimed' "
    "AND (:owner = '' OR owner = :owner) AND EXISTS (SELECT 1 FROM editions WHERE editions.id = deliveries.edition "
    "AND standing = 'open' AND swept >= (SELECT coalesce(max(seq), 0) FROM suppressions)){which}"
)

# What a paused or cancelled edition does with a delivery whose intent came too late.
GIVE_BACK = (
    "UPDATE deliveries SET owner = '', lease = 0, next_try = 0, changed = :now, state = CASE WHEN edition IN "
    "(SELECT id FROM editions WHERE standing = 'cancelled') THEN 'cancelled' ELSE 'planned' END "
    "WHERE id IN {ids} AND state = 'claimed' AND (:owner = '' OR owner = :owner) "
    "AND edition IN (SELECT id FROM editions WHERE standing <> 'open')"
)

# In a cancelled edition nobody waits: what came back from a sender is cancelled too.
CALL_OFF = (
    "UPDATE deliveries SET state = 'cancelled', next_try = 0 WHERE id IN {ids} AND state IN ('planned', 'deferred') "
    "AND edition IN (SELECT id FROM editions WHERE standing = 'cancelled')"
)

# While it was being sent or held, a sweep passed a delivery by: who left meanwhile does not wait again.
LEFT_MEANWHILE = (
    "UPDATE deliveries SET state = 'suppressed', next_try = 0, detail = (SELECT max(s.reason) FROM suppressions s "
    "JOIN editions e ON s.scope IN ('*', e.audience) WHERE e.id = deliveries.edition "
    "AND s.address = deliveries.recipient) "
    "WHERE id IN {ids} AND state IN ('planned', 'deferred') AND EXISTS (SELECT 1 FROM suppressions s "
    "JOIN editions e ON s.scope IN ('*', e.audience) WHERE e.id = deliveries.edition "
    "AND s.address = deliveries.recipient)"
)

COLUMNS = "id, recipient, address, name, language, fields, message_id, state, attempts, code, detail, next_try, changed"

_CLAIM = (
    "WITH due AS MATERIALIZED (SELECT id FROM deliveries WHERE edition = :edition "  # noqa: S608 - our words
    "AND state IN ('planned', 'deferred') AND (next_try <= :now OR next_try > :never){only} "
    "AND EXISTS (SELECT 1 FROM editions WHERE id = :edition AND standing = 'open') "
    "ORDER BY next_try, id LIMIT :limit{{skip}}) "
    "UPDATE deliveries SET state = 'claimed', owner = :owner, lease = :lease, changed = :now "
    f"WHERE id IN (SELECT id FROM due) RETURNING {COLUMNS}"
)
CLAIM = _CLAIM.format(only="")
_ELSEWHERE = " AND (next_try, id) > (0, :after)"


@lru_cache(maxsize=64)
def claim_without(domains: int) -> str:
    """CLAIM without the readers of so many domains, of which each is `:domain0`, `:domain1`… with `%@` before it."""
    others = "".join(f" AND recipient NOT LIKE :domain{number}" for number in range(domains))
    return _CLAIM.format(only=_ELSEWHERE + others)


CLAIM_ONE = _CLAIM.format(only=" AND id = (SELECT id FROM places WHERE round = :round AND recipient = :only)")

ATTEMPTS = "SELECT id, attempts FROM deliveries WHERE id IN {ids}"
DUE = "UPDATE deliveries SET next_try = e.due FROM {due} WHERE deliveries.id = e.id AND state = 'deferred'"

# A freeze writes its rows with these columns, looks how far they reach, and gives each reader a place in the round: in
# the order of the addresses, so that places are only ever added at the end, and the first of several rows has it.
FREEZE = ("edition", "recipient", "address", "name", "language", "fields", "message_id", "state", "changed")
_ENDS = "SELECT id FROM deliveries WHERE edition = :edition AND state IN ('planned', 'deferred') ORDER BY next_try"
SPAN = f"SELECT ({_ENDS}, id LIMIT 1), ({_ENDS} DESC, id DESC LIMIT 1)"
_FROZEN = "FROM deliveries WHERE id BETWEEN :first AND :last AND edition + 0 IN {ids}"
PLACE = (
    f"INSERT INTO places (round, recipient, id) SELECT CAST(:round AS bigint), recipient, id {_FROZEN} "
    "ORDER BY recipient, id ON CONFLICT DO NOTHING"
)
# Of several rows the first that gives a language decides which edition a reader gets; the rest is the first row's.
DECIDE_LANGUAGE = (
    "UPDATE deliveries SET edition = d.edition, language = d.language, message_id = d.message_id "
    "FROM (SELECT p.id AS place, min(d.id) AS id FROM deliveries d JOIN places p ON p.round = :round "
    "AND p.recipient = d.recipient WHERE d.id BETWEEN :first AND :last AND d.edition + 0 IN {ids} "
    "AND p.id BETWEEN :first AND :last AND d.id > p.id AND d.language <> '' GROUP BY p.id) AS given "
    "JOIN deliveries d ON d.id = given.id WHERE deliveries.id = given.place AND deliveries.language = ''"
)
# Who has no place came twice, or has had the round's mail in another edition.
DROP_DOUBLES = (
    "DELETE FROM deliveries WHERE id IN (SELECT d.id FROM deliveries d JOIN places p ON p.round = :round "
    "AND p.recipient = d.recipient WHERE d.id BETWEEN :first AND :last AND d.edition + 0 IN {ids} "
    "AND p.id <> d.id)"
)

NEWEST_SUPPRESSION = "SELECT coalesce(max(seq), 0) FROM suppressions"
UNSWEPT = "SELECT id, audience, round, swept FROM editions WHERE standing <> 'cancelled' AND swept < :newest"
SWEEP = (
    "UPDATE deliveries SET state = 'suppressed', owner = '', lease = 0, next_try = 0, changed = :now, "
    "detail = (SELECT max(reason) FROM suppressions "
    "WHERE address = deliveries.recipient AND scope IN ('*', :audience)) "
    "WHERE state IN ('planned', 'deferred', 'claimed') AND id IN (SELECT p.id FROM suppressions s CROSS JOIN places p "
    "WHERE s.seq > :swept AND s.scope IN ('*', :audience) AND p.round = :round AND p.recipient = s.address)"
)
SWEPT = "UPDATE editions SET swept = :newest WHERE id = :edition AND swept < :newest"
