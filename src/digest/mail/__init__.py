"""Rendering and recipient in, the finished bytes of a mail out: compiled once, joined per reader.

This room opens nothing, asks no clock and rolls no dice: the same values give the same bytes.
"""
