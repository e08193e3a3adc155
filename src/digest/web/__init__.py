"""The public endpoint: one-click unsubscribe, and the archive of what was sent."""
