"""SMTP: connect, authenticate, say the envelope and the data, and tell what each reply means for the reader.

    SmtpTransport ─open─▶ SmtpSession ─protocol, data or bdat─▶ replies ─verdict─▶ Outcome

Nothing here knows the ledger: a session answers each mail with an Outcome and marks nothing.
"""
