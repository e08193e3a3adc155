"""What may stand in an issue beside its stories: a letter, a date, a button. The kinds and their fields, as data."""
