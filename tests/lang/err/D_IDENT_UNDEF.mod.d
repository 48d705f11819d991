BEGIN { trace(vmlinux`nosuch); }
