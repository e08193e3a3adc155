"""The guarded way out to the web: one page at a time, inside limits, and only to public addresses."""
