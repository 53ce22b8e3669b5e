"""An empty qcow2 image, which QEMU keeps snapshots of a machine in. Saves asking for qemu-img.

One cluster each: the header, a refcount table, a refcount block that counts the four clusters, and
an L1 table without entries (QEMU's docs/interop/qcow2.txt)."""
import struct

CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS


def create(path, size=64 << 20):
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, CLUSTER_BITS, size, 0, 1,
                         3 * CLUSTER, CLUSTER, 1, 0, 0)
    refcount_table = struct.pack(">Q", 2 * CLUSTER)
    refcounts = struct.pack(">4H", 1, 1, 1, 1)
    with open(path, "wb") as file:
        for cluster in header, refcount_table, refcounts, b"":
            file.write(cluster.ljust(CLUSTER, b"\0"))
