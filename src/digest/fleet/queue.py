"""The fleet's queue: procrastinate's tables in a schema of their own, and the jobs that are put there.

The schema carries procrastinate's version in its name. Jobs can be made anew from the ledger at any time, so workers of
two versions each have their own queue and share the ledger: nothing is migrated, and a rolling upgrade needs no order.
"""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from digest.delivery import MailingStatus
from digest.fleet.chunks import SIZE
from digest.ledger.postgres import cut_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from procrastinate import App
    from procrastinate.connector import BaseConnector

    from digest.ledger.sharing import Sharing

MAILS, SCHEDULE = "mails", "schedule"  # queues: a worker takes one job of each at a time
STALLED = 30.0  # seconds without a heartbeat until a worker's job is made anew
MOST = 5_000  # jobs put into the queue at once; more follow when these are done

_LOST = (
    "DELETE FROM procrastinate_jobs AS job WHERE status = 'doing' AND NOT EXISTS (SELECT 1 FROM procrastinate_workers "
    "AS worker WHERE worker.id = job.worker_id AND worker.last_heartbeat > now() - make_interval(secs => :seconds))"
)
_WAITING = "SELECT DISTINCT args->>'edition' FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = :queue"


def tasks(connector: BaseConnector, chunk: Callable[[str], None], due: Callable[[], None] | None = None) -> App:
    """An App on `connector`, whose job `chunk` sends some of an edition, and whose job `due` runs once a minute."""
    from procrastinate import App

    app = App(connector=connector)

    @app.task(name="chunk", queue=MAILS)
    def _chunk(edition: str) -> None:
        chunk(edition)

    if due is not None:
        task = due

        @app.periodic(cron="* * * * *")
        @app.task(name="due", queue=SCHEDULE, lock=SCHEDULE, queueing_lock=SCHEDULE)
        def _due(timestamp: int) -> None:  # noqa: ARG001 - procrastinate hands over the minute it was for
            task()

    return app


class Queue:
    """The jobs of a fleet, from the side of whoever puts them there. Safe to use from many threads."""

    def __init__(self, sharing: Sharing) -> None:
        self._sharing = sharing
        self.schema = f"{sharing.database.schema}_jobs_{version('procrastinate').replace('.', '_')}"
        self.conninfo = sharing.database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._create()

    @property
    def options(self) -> dict[str, Any]:
        """How a connection finds these tables, and ends where nobody answers."""
        limits = cut_off(self._sharing.database.engine.url)
        return {"options": f"-c search_path={self.schema}", "application_name": "digest queue", **limits}

    def _create(self) -> None:
        """Make procrastinate's tables when they are not there."""
        from procrastinate.schema import SchemaManager

        with self._sharing.database.writing() as transaction:
            core = transaction.core
            core.execute(text("SELECT pg_advisory_xact_lock(hashtext('digest jobs ' || :name))"), {"name": self.schema})
            if core.scalar(text("SELECT to_regclass(:name)"), {"name": f"{self.schema}.procrastinate_jobs"}) is None:
                core.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{self.schema}"')
                core.exec_driver_sql(f'SET LOCAL search_path = "{self.schema}"')
                transaction.cursor.execute(SchemaManager.get_schema())

    @contextmanager
    def _app(self) -> Iterator[App]:
        from procrastinate import SyncPsycopgConnector

        connector = SyncPsycopgConnector(conninfo=self.conninfo, kwargs=self.options, min_size=1, max_size=1)
        app = tasks(connector, lambda _edition: None)
        with app.open():
            yield app

    def fill(self, edition: str, readers: int) -> int:
        """Put in as many jobs as `readers` need. Returns how many."""
        count = min(MOST, -(-readers // SIZE))
        if count:
            with self._app() as app:
                wanted: list[dict[str, Any]] = [{"edition": edition}] * count
                app.tasks["chunk"].batch_defer(*wanted)
        return count

    def tend(self) -> int:
        """Throw away the jobs of dead workers, and give every edition that could go on jobs when it has none left.

        Returns how many jobs were put in. Safe when several do it at once: a job too many finds nothing to send.
        """
        sharing = self._sharing
        with sharing.database.writing() as transaction:
            transaction.core.exec_driver_sql(f'SET LOCAL search_path = "{self.schema}"')
            transaction.run(_LOST, seconds=STALLED)
            waiting = {row[0] for row in transaction.run(_WAITING, queue=MAILS)}
        now, added = sharing.now(), 0
        for mailing in sharing.ledger.mailings():
            if mailing.standing is MailingStatus.OPEN and mailing.edition not in waiting:
                added += self.fill(mailing.edition, sharing.due(mailing.edition, now, MOST * SIZE))
        return added
