"""Stories from elsewhere: listing pages, feeds and tables become story files.

    bytes ─format─▶ Listing of Items ─plan (pure, with its diff)─▶ Plan ─apply─▶ story files

Nothing is written before everything is planned, and a person's own words are never talked over.
"""
