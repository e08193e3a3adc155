"""Who reads, and who has left: lists from CSV and SQL, unsubscribe tokens, and the reports that come back."""
