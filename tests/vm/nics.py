"""The emulated NICs: how QEMU makes one, who gives it to user space in the guest, and what DPDK's driver for it has to find.

What is expected here was seen; a driver or emulation that finds more or less than that fails, so that drivers-config/ is
looked at again.
"""

from dataclasses import dataclass

UIO, VFIO = "uio_pci_generic", "vfio-pci"


@dataclass(frozen=True)
class Nic:
    device: str                  # QEMU's -device
    driver: str                  # DPDK's, as the program names it
    by: str = UIO                # vfio-pci goes with an emulated IOMMU
    queues: int = 1              # workers that it can have here
    spreads: bool = False        # over them, by RSS
    tx: str = "IPv4 UDP TCP"     # checksums that it computes
    rx: str = "IPv4 UDP TCP"     # and checks
    groups: str = "list"         # how multicast is received
    filters_mac: bool = True     # frames to others stay out
    loses_load: bool = True      # goes on after its link was lost with frames under way (QEMU's packed rings do not)
    jumbo: bool = True           # 9000 bytes
    taps: int = 1                # queues of the tap device
    tells: bool = True           # a checksum that is right; otherwise only wrong ones, and the program looks at each
    backports: bool = False      # QEMU of Debian's backports

    @property
    def iommu(self):
        return self.by == VFIO

    def devices(self, number, mac, tap):
        """QEMU's arguments for the NIC with that number, at a port that it can be pulled from. tap: id of its network."""
        bus = f"port{number}"
        extra = ""
        if self.device.startswith("virtio") and self.iommu:
            extra = ",iommu_platform=on"
        return ["-device", f"pcie-root-port,id={bus},chassis={number + 1},slot={number + 1}",
                "-device", f"{self.device},netdev={tap},id=nic{number},mac={mac},bus={bus},romfile={extra}"]

    @staticmethod
    def address(number):
        return f"0000:{number + 1:02x}:00.0"


VIRTIO = dict(driver="net_virtio", groups="all multicast", tx="UDP TCP", rx="UDP TCP", tells=False)
VMXNET3 = dict(groups="all multicast", tx="UDP TCP", rx="UDP TCP", tells=False)
NICS = {
    "e1000": Nic("e1000", "net_e1000_em", tells=False),
    "e1000_iommu": Nic("e1000", "net_e1000_em", by=VFIO, tells=False),
    "e1000e": Nic("e1000e", "net_e1000_em", tells=False),
    "e1000e_iommu": Nic("e1000e", "net_e1000_em", by=VFIO, tells=False),
    "igb": Nic("igb", "net_e1000_igb", queues=2, spreads=True, backports=True),
    "igb_iommu": Nic("igb", "net_e1000_igb", VFIO, queues=2, spreads=True, backports=True),
    "vmxnet3": Nic("vmxnet3", "net_vmxnet3", **VMXNET3),
    "vmxnet3_iommu": Nic("vmxnet3", "net_vmxnet3", by=VFIO, **VMXNET3),
    "virtio_legacy": Nic("virtio-net-pci,disable-modern=on,disable-legacy=off", **VIRTIO),
    "virtio_modern": Nic("virtio-net-pci,disable-legacy=on", **VIRTIO),
    "virtio_no_mergeable": Nic("virtio-net-pci,disable-legacy=on,mrg_rxbuf=off", **VIRTIO),
    "virtio_packed": Nic("virtio-net-pci,disable-legacy=on,packed=on", loses_load=False, **VIRTIO),
    "virtio_queues": Nic("virtio-net-pci,disable-legacy=on,mq=on,vectors=6,rss=on", queues=2, spreads=True, taps=2, **VIRTIO),
    "virtio_iommu": Nic("virtio-net-pci,disable-legacy=on", by=VFIO, **VIRTIO),
    "virtio_packed_iommu": Nic("virtio-net-pci,disable-legacy=on,packed=on,mq=on,vectors=6,rss=on", by=VFIO, queues=2, spreads=True,
                               taps=2, loses_load=False, **VIRTIO),
}
