"""A TCP connection on which nothing passes any more: the kernel drops what comes in unacknowledged.

Linux only; both ends believe that the connection is open, as they do when a cable is pulled.
"""

import ctypes
import socket
import struct

_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27  # asm-generic/socket.h; Python has no names for them
_DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # one instruction of classic BPF: return 0 bytes of the packet


def drop_all(end: socket.socket) -> None:
    """Have a connected socket hear nothing any more, nor acknowledge anything."""
    program = ctypes.create_string_buffer(_DROP_ALL, len(_DROP_ALL))
    filter_ = struct.pack("HL", 1, ctypes.addressof(program))
    end.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filter_)


def pass_all(end: socket.socket) -> None:
    """Have it hear again."""
    end.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
