"""Verify a mail's DKIM signature with OpenDKIM's own library, with a file in place of DNS.

Run as `python opendkim_verify.py RECORDS < mail`: RECORDS has lines `selector._domainkey.domain TXT-record`. Exits 0
when a signature is good, else with libopendkim's status; a process of its own, so that a crash in C fails one test.
(`opendkim-testmsg` verifies with the same library, but only against real DNS.) Debian: opendkim-tools.
"""

from __future__ import annotations

import ctypes
import sys

LIBRARY = "libopendkim.so.11"
SET_OPTION, QUERY_METHOD, QUERY_INFO, QUERY_FILE = 1, 6, 7, 1  # dkim.h of 2.11


def verify(data: bytes, records: str) -> int:
    library = ctypes.CDLL(LIBRARY)
    library.dkim_init.restype = ctypes.c_void_p
    library.dkim_init.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.dkim_options.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    library.dkim_verify.restype = ctypes.c_void_p
    library.dkim_verify.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
    library.dkim_chunk.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.dkim_eom.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    handle = library.dkim_init(None, None)
    method = ctypes.c_int(QUERY_FILE)
    assert library.dkim_options(handle, SET_OPTION, QUERY_METHOD, ctypes.byref(method), ctypes.sizeof(method)) == 0
    path = records.encode()
    assert library.dkim_options(handle, SET_OPTION, QUERY_INFO, path, len(path)) == 0
    status = ctypes.c_int()
    message = library.dkim_verify(handle, b"test", None, ctypes.byref(status))
    assert status.value == 0
    for chunk, size in ((data, len(data)), (b"", 0)):
        if error := library.dkim_chunk(message, chunk, size):
            return error
    return library.dkim_eom(message, None)


if __name__ == "__main__":
    sys.exit(verify(sys.stdin.buffer.read(), sys.argv[1]))
