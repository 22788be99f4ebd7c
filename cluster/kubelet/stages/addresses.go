package stages

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// pool hands out the addresses of a range, from the first host on; a returned one is used again before a new one.
type pool struct {
	prefix netip.Prefix
	next   netip.Addr
	used   map[netip.Addr]bool
	free   []netip.Addr // sorted
}

func newPool(cidr string) (*pool, error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return nil, fmt.Errorf("pod CIDR: %w", err)
	}
	return &pool{prefix: prefix, next: prefix.Addr(), used: map[netip.Addr]bool{}}, nil
}

// get returns an address. KWOK picks among the returned ones at random; draw does that here.
func (p *pool) get(draw Draw) string {
	if len(p.free) > 0 {
		i := 0
		if len(p.free) > 1 {
			i = int(draw(int64(len(p.free))))
		}
		a := p.free[i]
		p.free = slices.Delete(p.free, i, i+1)
		p.used[a] = true
		return a.String()
	}
	for {
		p.next = p.next.Next()
		if !p.used[p.next] {
			p.used[p.next] = true
			return p.next.String()
		}
	}
}

func (p *pool) put(ip string) {
	a, err := netip.ParseAddr(ip)
	if err != nil || !p.prefix.Contains(a) {
		return
	}
	delete(p.used, a)
	if i, has := slices.BinarySearchFunc(p.free, a, netip.Addr.Compare); !has {
		p.free = slices.Insert(p.free, i, a)
	}
}

func (p *pool) use(ip string) {
	if a, err := netip.ParseAddr(ip); err == nil && p.prefix.Contains(a) {
		p.used[a] = true
	}
}

// pools are the ranges of all nodes.
type pools struct {
	byCIDR map[string]*pool
	shared string // the range of nodes without one
}

func (ps *pools) of(node *corev1.Node) []*pool {
	cidrs := node.Spec.PodCIDRs
	if len(cidrs) == 0 && node.Spec.PodCIDR != "" {
		cidrs = []string{node.Spec.PodCIDR}
	}
	if len(cidrs) == 0 {
		cidrs = []string{ps.shared}
	}
	var out []*pool
	for _, cidr := range cidrs {
		p := ps.byCIDR[cidr]
		if p == nil {
			var err error
			if p, err = newPool(cidr); err != nil {
				continue // as in KWOK: a node with a broken range gives no addresses
			}
			ps.byCIDR[cidr] = p
		}
		out = append(out, p)
	}
	return out
}

// each calls fn with the pod's addresses and the ranges that they come from.
func (ps *pools) each(node *corev1.Node, pod *corev1.Pod, fn func(p *pool, ip string)) {
	if pod.Spec.HostNetwork || len(pod.Status.PodIPs) == 0 {
		return
	}
	for i, p := range ps.of(node) {
		if i < len(pod.Status.PodIPs) {
			fn(p, pod.Status.PodIPs[i].IP)
		}
	}
}
