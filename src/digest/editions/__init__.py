"""What an edition is before it is sent: built, put into its folder, approved, and kept in the archive.

stories ─build─▶ Build ─write─▶ build/2022-02/everyone/en/ ─approve─▶ approvals/ ─keep─▶ archive/
"""
