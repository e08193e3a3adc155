"""Run the schedule where no machine of one's own is: a Kubernetes CronJob, a GitHub workflow. Texts only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from digest.errors import UsageError
from digest.scheduling.made import EVERY, UnitFile, slug

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from digest.newsroom.newsroom import Newsroom

_PING = "DIGEST_PING_URL"


def kubernetes(root: Path, more: Sequence[str]) -> UnitFile:
    """A CronJob on a volume that holds the newsroom; `more` are further words of the command."""
    words = ", ".join(["digest", "run", "--config", "/newsroom/config.yaml", *map(json.dumps, more)])
    name = f"digest-{slug(root)}"[:50].rstrip("-")
    return UnitFile(
        place="kubernetes.yaml",
        text=f"""# One run at a time, on a volume that outlives it: .digest/ holds the ledger and the schedule's record.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}
spec:
  schedule: "*/{EVERY} * * * *"
  concurrencyPolicy: Forbid          # a second run would only find the first one's lock
  startingDeadlineSeconds: 300
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0                # the next run goes on with what is left
      template:
        spec:
          restartPolicy: Never
          terminationGracePeriodSeconds: 600   # mails in flight are finished and recorded
          securityContext: {{runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001}}
          containers:
            - name: digest
              image: digest:latest   # yours: Python 3.11 or newer with digest installed
              command: [{words}]
              workingDir: /newsroom
              envFrom:
                - secretRef: {{name: {name}, optional: true}}   # DIGEST_SMTP_PASSWORD and the like
              volumeMounts:
                - {{name: newsroom, mountPath: /newsroom}}
          volumes:
            - name: newsroom
              persistentVolumeClaim: {{claimName: {name}}}      # the newsroom's folder
""",
    )


def github(newsroom: Newsroom, *, ping: bool) -> UnitFile:
    """A workflow of the repository. Raises UsageError without a ledger that lasts.

    With `ping` the watchdog's address is a secret of the repository: whoever reads it could answer for us.
    """
    send = newsroom.config.settings.send
    if not send.ledger_env:
        message = (
            "a GitHub runner forgets its disk, and with it who was mailed: keep the ledger in PostgreSQL first, "
            "send: {ledger_env: DIGEST_LEDGER_URL}"
        )
        raise UsageError(message)
    settings = newsroom.config.settings
    named = (send.ledger_env, settings.smtp.password_env, settings.unsubscribe.secret_env, _PING if ping else "")
    watched = f' --ping "${_PING}"' if ping else ""
    secrets = "\n".join(f"          {name}: ${{{{ secrets.{name} }}}}" for name in named if name)
    root = newsroom.root.resolve()
    top = next((each for each in (root, *root.parents) if (each / ".git").exists()), root)
    inside = root.relative_to(top).as_posix()
    lower = inside != "."  # GitHub looks for workflows at the top of the repository only
    place = str(top / f".github/workflows/digest-{slug(root)}.yaml") if lower else ".github/workflows/digest.yaml"
    before = f"{inside}/" if lower else ""
    kept = "\n".join(f"            {before}{name}" for name in (".digest", "archive", "build"))
    step = f"        working-directory: {json.dumps(inside)}\n" if lower else ""
    return UnitFile(
        place=place,
        text=f"""# The ledger is in PostgreSQL. The schedule's own record and what was frozen are in the cache; if it is
# lost, what was due while it was gone is held and said, never sent twice.
name: digest
on:
  schedule:
    - cron: "*/{EVERY} * * * *"   # GitHub may start it late: see catch_up
  workflow_dispatch: {{}}
permissions: {{contents: read}}
concurrency: {{group: digest-{slug(root)}, cancel-in-progress: false}}
jobs:
  run:
    runs-on: ubuntu-latest
    timeout-minutes: 350
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.12"}}
      - uses: actions/cache/restore@v4
        with:
          path: |
{kept}
          key: digest-{slug(root)}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          restore-keys: digest-{slug(root)}-
      - run: pip install 'digest[fleet]'
      - run: digest run{watched} || [ $? -eq 75 ]   # 75: the next run goes on
{step}        env:
{secrets}
      - uses: actions/cache/save@v4
        if: always()   # a run that fails has told somebody: the next one must know
        with:
          path: |
{kept}
          key: digest-{slug(root)}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
""",
    )
