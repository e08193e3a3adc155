"""How fast digest is, measured beside its peers and beside what this machine can do at all. See README.md."""
