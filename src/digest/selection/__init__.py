"""Which stories an edition takes, in what order, and why: rules, ranking, and an editor's hand on one month."""
