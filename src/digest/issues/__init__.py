"""Issue files: what an editor says of one period beside its stories, read with every mistake named, and edited.

`issues/2022-02/everyone.yaml` for an audience, `issues/2022-02/all.yaml` for all of them. This room reads no story and
composes nothing.
"""
