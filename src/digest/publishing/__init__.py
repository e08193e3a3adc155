"""What was sent, on the web: a folder of static pages and feeds for any web server, made from what was kept.

    archive/, withdrawn/, stories ─sent_editions─▶ PublishedEdition ─pages, feeds─▶ files ─public_folder─▶ public/

Only what was sent to an audience that is published comes in, as it was sent; of today's stories only what says that it
was corrected or withdrawn since. No page knows a reader. It sends nothing and serves nothing.
"""
