"""Send from many machines: chunks as procrastinate jobs on PostgreSQL, taken by any number of `digest worker`s.

    send ─freeze─▶ ledger ─jobs─▶ workers ─chunk─▶ mails
                      ▲              │ every 5 s: renew leases, put right what the dead left, replace lost jobs
                      └──────────────┘

A job is leave to send so many of an edition's mails; which ones is settled by the claim in the ledger. So a job that is
lost or done twice neither loses nor doubles a mail, and jobs can be thrown away and made anew at any time.
"""
