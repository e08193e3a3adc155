"""What text is, said once: a clean line, the columns it takes, colours and their contrast, web addresses.

Pure. Every room above asks here, so that no two rooms clean, measure or compare by rules of their own.
"""
