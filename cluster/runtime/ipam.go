package runtime

import (
	"fmt"
	"net/netip"
)

// addresses is the host-local plug-in: one range per node, the next free address after the last one given, around and
// around. The network's own address and the gateway behind it are not given out.
type addresses struct {
	prefix netip.Prefix
	last   netip.Addr
	used   map[netip.Addr]bool
}

func (a *addresses) ready() bool { return a.prefix.IsValid() }

func (a *addresses) set(cidr string) error {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return fmt.Errorf("pod CIDR: %w", err)
	}
	if prefix.Masked() == a.prefix {
		return nil
	}
	*a = addresses{prefix: prefix.Masked(), last: prefix.Masked().Addr().Next(), used: map[netip.Addr]bool{}}
	return nil
}

// take returns an address, or false if the range is used up.
func (a *addresses) take() (string, bool) {
	first := a.prefix.Addr().Next().Next()
	candidate := a.last
	for range 1 << min(32, candidate.BitLen()-a.prefix.Bits()) {
		candidate = candidate.Next()
		if !a.prefix.Contains(candidate) || a.broadcast(candidate) {
			candidate = first
		}
		if !a.used[candidate] {
			a.used[candidate], a.last = true, candidate
			return candidate.String(), true
		}
	}
	return "", false
}

func (a *addresses) broadcast(ip netip.Addr) bool { return ip.Is4() && !a.prefix.Contains(ip.Next()) }

func (a *addresses) release(ip string) {
	if parsed, err := netip.ParseAddr(ip); err == nil {
		delete(a.used, parsed)
	}
}
