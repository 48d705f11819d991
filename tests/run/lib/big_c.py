#!/usr/bin/env python3
"""Writes a C file that keeps a compiler busy for a moment, a shorter one on a slow machine."""
import os

functions = 400 // int(os.environ.get("SLOW", "1"))
for i in range(functions):
    print(f"int f{i}(int a, int b) {{ int s = {i}; for (int k = 0; k < b; k++) "
          f"s += a * k ^ {i}; return s; }}")
print("int main(void) { int s = 0;")
for i in range(functions):
    print(f"s += f{i}(s, {i});")
print("return s & 1; }")
