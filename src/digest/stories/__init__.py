"""Story files: read, written, and indexed so that only changed ones are read again."""
