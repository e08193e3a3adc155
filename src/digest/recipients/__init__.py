"""Who reads: lists from CSV files and SQL, who has left, and the tokens of unsubscribe links."""
