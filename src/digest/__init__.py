"""digest sends a newsroom's readers one good mail a month."""
