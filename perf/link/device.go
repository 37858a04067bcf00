package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	// mtu is what Ethernet and nearly all of the Internet carry, in bytes.
	mtu = 1500
	// device is what the interface is called in either namespace.
	device = "link0"
	// backlog is how many packets may wait for the emulator's threads to wake;
	// enough for the profile's own queue to be the one that drops.
	backlog = 4096
)

// openHandle returns a handle to configure the namespace with.
func (n *Namespace) openHandle() (*netlink.Handle, error) {
	h, err := netlink.NewHandleAt(netns.NsHandle(n.file.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("link: open netlink: %w", err)
	}
	return h, nil
}

// openTUN makes a TUN interface, which lasts until the file descriptor that is
// returned is closed. Reading and writing it does not block.
func (n *Namespace) openTUN() (fd int, err error) {
	err = n.Do(func() error {
		fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return fmt.Errorf("link: open /dev/net/tun: %w", err)
		}
		request, err := unix.NewIfreq(device)
		if err == nil {
			request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
		if err != nil {
			unix.Close(fd)
			return fmt.Errorf("link: new TUN device: %w", err)
		}
		return nil
	})
	return fd, err
}

// openVeth makes a pair of interfaces, one in each namespace. It goes when
// either namespace does.
func openVeth(h *netlink.Handle, server, client *Namespace) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.HardwareAddr = device, mtu, hardwareAddr(server.addr)
	pair := netlink.NewVeth(attrs)
	pair.PeerName, pair.PeerMTU, pair.PeerHardwareAddr = device, mtu, hardwareAddr(client.addr)
	pair.PeerNamespace = netlink.NsFd(client.file.Fd())
	if err := h.LinkAdd(pair); err != nil {
		return fmt.Errorf("link: new veth pair: %w", err)
	}
	return nil
}

// hardwareAddr returns the Ethernet address of an end: locally administered,
// with the end's IP address in it.
func hardwareAddr(addr netip.Addr) net.HardwareAddr {
	ip := addr.As4()
	return append(net.HardwareAddr{0x02, 0}, ip[:]...)
}

// configure gives a namespace its address and its way to the peer.
func configure(h *netlink.Handle, addr, peer netip.Addr, emulated bool) error {
	lo, err := h.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("link: find loopback: %w", err)
	}
	if err := h.LinkSetUp(lo); err != nil {
		return fmt.Errorf("link: set loopback up: %w", err)
	}
	dev, err := h.LinkByName(device)
	if err != nil {
		return fmt.Errorf("link: find device: %w", err)
	}
	if emulated {
		if err := h.LinkSetMTU(dev, mtu); err != nil {
			return fmt.Errorf("link: set MTU: %w", err)
		}
		if err := h.LinkSetTxQLen(dev, backlog); err != nil {
			return fmt.Errorf("link: set queue length: %w", err)
		}
	}
	// Without a link-local address the kernel says nothing of its own accord. A
	// kernel without IPv6 has none anyway.
	err = h.LinkSetIP6AddrGenMode(dev, nl.IN6_ADDR_GEN_MODE_NONE)
	if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) {
		return fmt.Errorf("link: do without IPv6: %w", err)
	}
	subnet := &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(prefix, 32)}
	if err := h.AddrAdd(dev, &netlink.Addr{IPNet: subnet}); err != nil {
		return fmt.Errorf("link: add address %v: %w", addr, err)
	}
	if err := h.LinkSetUp(dev); err != nil {
		return fmt.Errorf("link: set device up: %w", err)
	}
	// A default route makes a browser take the address for one that leads to the
	// world, and so for an ICE candidate.
	route := &netlink.Route{LinkIndex: dev.Attrs().Index, Gw: peer.AsSlice()}
	if err := h.RouteAdd(route); err != nil {
		return fmt.Errorf("link: add default route: %w", err)
	}
	return nil
}

// address says at which Ethernet address a namespace finds its peer. It is
// said rather than asked for by ARP, so that cutting can say something else.
func address(h *netlink.Handle, peer netip.Addr, at net.HardwareAddr) error {
	dev, err := h.LinkByName(device)
	if err != nil {
		return fmt.Errorf("link: find device: %w", err)
	}
	err = h.NeighSet(&netlink.Neigh{
		LinkIndex:    dev.Attrs().Index,
		Family:       netlink.FAMILY_V4,
		State:        netlink.NUD_PERMANENT,
		IP:           peer.AsSlice(),
		HardwareAddr: at,
	})
	if err != nil {
		return fmt.Errorf("link: set neighbour %v: %w", peer, err)
	}
	return nil
}

// received returns what a namespace's device has taken in.
func received(h *netlink.Handle) (Direction, error) {
	dev, err := h.LinkByName(device)
	if err != nil {
		return Direction{}, fmt.Errorf("link: find device: %w", err)
	}
	s := dev.Attrs().Statistics
	return Direction{Packets: s.RxPackets, Bytes: s.RxBytes, Dropped: s.RxDropped}, nil
}
