"""elf32.py PATH: writes a 32-bit program of this kind of processor, which waits for ever."""
import os
import struct
import sys

EM_386, EM_ARM = 3, 40
BASE, HEADERS = 0x10000, 52 + 32

if os.uname().machine == "x86_64":
    # mov $29, %eax (pause); int $0x80; jmp back
    machine, code, flags = EM_386, bytes.fromhex("b81d000000cd80ebf7"), 0
else:
    # mov r7, #29 (pause); svc #0; b back
    machine, code, flags = EM_ARM, struct.pack("<3I", 0xe3a0701d, 0xef000000, 0xeafffffc), 0x5000000
ident = b"\x7fELF" + bytes([1, 1, 1]) + bytes(9)
size = HEADERS + len(code)
header = struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, BASE + HEADERS, 52, 0, flags, 52, 32, 1, 0, 0, 0)
segment = struct.pack("<IIIIIIII", 1, 0, BASE, BASE, size, size, 5, 0x1000)
with open(sys.argv[1], "wb") as f:
    f.write(ident + header + segment + code)
os.chmod(sys.argv[1], 0o755)
