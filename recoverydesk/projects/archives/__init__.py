"""Reads wheels and sdists of strangers: in constant memory, and with no more trust than their bytes deserve.

`distribution.inspect` is the way in. Nothing is ever unpacked to a disk.
"""
