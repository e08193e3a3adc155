"""Mails on their way out: the state of each, one SMTP session, .eml files, pacing, and the loop over the ledger."""
