package nodeipam

import (
	"errors"
	"fmt"
	"net/netip"
)

// errFull says that every range is taken.
var errFull = errors.New("CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range")

// cidrSet hands out the sub-ranges of one range.
type cidrSet struct {
	cluster  netip.Prefix
	nodeBits int
	taken    []bool
	used     int
	next     int // where the search for a free one begins
}

// newCIDRSet cuts cluster, an IPv4 range, into ranges of nodeBits.
func newCIDRSet(cluster netip.Prefix, nodeBits int) *cidrSet {
	if !cluster.Addr().Is4() || nodeBits < cluster.Bits() || nodeBits > 32 {
		panic(fmt.Sprintf("nodeipam: no /%d in %s", nodeBits, cluster))
	}
	return &cidrSet{cluster: cluster.Masked(), nodeBits: nodeBits, taken: make([]bool, 1<<(nodeBits-cluster.Bits()))}
}

// allocate takes the next free range.
func (s *cidrSet) allocate() (netip.Prefix, error) {
	if s.used == len(s.taken) {
		return netip.Prefix{}, errFull
	}
	for s.taken[s.next] {
		s.next = (s.next + 1) % len(s.taken)
	}
	i := s.next
	s.next = (s.next + 1) % len(s.taken)
	s.taken[i] = true
	s.used++
	return s.at(i), nil
}

// occupy marks the ranges that overlap p as taken.
func (s *cidrSet) occupy(p netip.Prefix) { s.mark(p, true) }

// release makes the ranges that overlap p free.
func (s *cidrSet) release(p netip.Prefix) { s.mark(p, false) }

func (s *cidrSet) mark(p netip.Prefix, taken bool) {
	if !p.Addr().Is4() || !s.cluster.Overlaps(p) {
		return
	}
	first, count := s.index(p.Masked().Addr()), 1
	if p.Bits() < s.nodeBits {
		count = 1 << (s.nodeBits - p.Bits())
	}
	if p.Bits() <= s.cluster.Bits() {
		first, count = 0, len(s.taken)
	}
	for i := first; i < first+count; i++ {
		if s.taken[i] != taken {
			s.taken[i] = taken
			if taken {
				s.used++
			} else {
				s.used--
			}
		}
	}
}

func (s *cidrSet) index(a netip.Addr) int {
	return int((number(a) - number(s.cluster.Addr())) >> (32 - s.nodeBits))
}

func (s *cidrSet) at(i int) netip.Prefix {
	n := number(s.cluster.Addr()) + uint32(i)<<(32-s.nodeBits)
	a := netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	return netip.PrefixFrom(a, s.nodeBits)
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
