package registry

import (
	"fmt"
	"net/netip"

	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The ranges that services draw from: kubeadm's --service-cluster-ip-range, which the recordings use too, and the API
// server's default --service-node-port-range.
const (
	serviceNetwork   = 10<<24 | 96<<16
	serviceNetBits   = 12
	firstNodePort    = 30000
	nodePorts        = 2768
	allocateAttempts = 64
	// staticShare of the range's start is drawn from only when the rest is full, so that addresses that users choose
	// there do not collide (services/ipallocator: min(max(16, size/16), 256)).
	staticShare = 256
)

// allocateService gives a service its cluster address, node ports and family fields. The server's view of taken ones
// may be a little stale; a draw among a million addresses hides that.
func allocateService(ctx *Context, obj, old api.Object) field.ErrorList {
	s := obj.(*corev1.Service)
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		s.Spec.ClusterIP, s.Spec.ClusterIPs, s.Spec.IPFamilies, s.Spec.IPFamilyPolicy = "", nil, nil, nil
		return nil
	}
	if old != nil && allAllocated(s, old.(*corev1.Service)) {
		return nil
	}
	taken := serviceUse{}
	taken.collect(ctx, s)
	errs := allocateAddress(ctx, s, taken)
	defaultFamilies(s)
	if needsNodePort(s) {
		return append(errs, allocatePorts(ctx, s, taken)...)
	}
	if old != nil && needsNodePort(old.(*corev1.Service)) {
		for i := range s.Spec.Ports {
			s.Spec.Ports[i].NodePort = 0
		}
	}
	return errs
}

// allAllocated recognises the usual update, which keeps every address and port that it has.
func allAllocated(s, old *corev1.Service) bool {
	if s.Spec.Type != old.Spec.Type || s.Spec.ClusterIP == "" || s.Spec.ClusterIP != old.Spec.ClusterIP || len(s.Spec.ClusterIPs) == 0 ||
		len(s.Spec.IPFamilies) == 0 || s.Spec.IPFamilyPolicy == nil {
		return false
	}
	if !needsNodePort(s) {
		return true
	}
	for _, p := range s.Spec.Ports {
		if p.NodePort == 0 {
			return false
		}
	}
	return sameNodePorts(s, old)
}

// serviceUse is what other services have taken.
type serviceUse struct {
	addresses map[string]bool
	ports     map[int32]bool
}

func (u *serviceUse) collect(ctx *Context, except *corev1.Service) {
	u.addresses, u.ports = make(map[string]bool), make(map[int32]bool)
	ctx.Lookup.Each(api.Services, "", func(o api.Object) bool {
		s := o.(*corev1.Service)
		if s.UID == except.UID {
			return true
		}
		for _, ip := range s.Spec.ClusterIPs {
			u.addresses[ip] = true
		}
		for _, p := range s.Spec.Ports {
			u.ports[p.NodePort] = true
		}
		return true
	})
}

func allocateAddress(ctx *Context, s *corev1.Service, taken serviceUse) field.ErrorList {
	if s.Spec.ClusterIP == "" && len(s.Spec.ClusterIPs) > 0 {
		s.Spec.ClusterIP = s.Spec.ClusterIPs[0]
	}
	switch {
	case s.Spec.ClusterIP == corev1.ClusterIPNone:
	case s.Spec.ClusterIP == "":
		s.Spec.ClusterIP = drawAddress(ctx, taken)
	default:
		if errs := checkAddress(s.Spec.ClusterIP, taken); len(errs) > 0 {
			return errs
		}
	}
	if len(s.Spec.ClusterIPs) == 0 {
		s.Spec.ClusterIPs = []string{s.Spec.ClusterIP}
	}
	return nil
}

func drawAddress(ctx *Context, taken serviceUse) string {
	const size = 1 << (32 - serviceNetBits)
	for range allocateAttempts {
		n := staticShare + ctx.Random()%(size-staticShare-1)
		if ip := addressAt(uint32(n)); !taken.addresses[ip] {
			return ip
		}
	}
	for n := uint32(1); n < size-1; n++ {
		if ip := addressAt(n); !taken.addresses[ip] {
			return ip
		}
	}
	return ""
}

func addressAt(n uint32) string {
	a := serviceNetwork + n
	return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}).String()
}

func checkAddress(ip string, taken serviceUse) field.ErrorList {
	path := field.NewPath("spec", "clusterIPs").Index(0)
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return field.ErrorList{field.Invalid(path, ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")}
	}
	network := netip.PrefixFrom(netip.AddrFrom4([4]byte{serviceNetwork >> 24, serviceNetwork >> 16 & 0xff, 0, 0}), serviceNetBits)
	fail := func(why string) field.ErrorList {
		return field.ErrorList{field.Invalid(path, []string{ip}, "failed to allocate IP "+ip+": "+why)}
	}
	switch {
	case addr.Is4() && !network.Contains(addr):
		return fail(fmt.Sprintf("the provided IP (%s) is not in the valid range. The range of valid IPs is %s", ip, network))
	case taken.addresses[ip]:
		return fail("provided IP is already allocated")
	}
	return nil
}

func defaultFamilies(s *corev1.Service) {
	if s.Spec.IPFamilyPolicy == nil {
		policy := corev1.IPFamilyPolicySingleStack
		if s.Spec.ClusterIP == corev1.ClusterIPNone && len(s.Spec.Selector) == 0 {
			policy = corev1.IPFamilyPolicyRequireDualStack
		}
		s.Spec.IPFamilyPolicy = &policy
	}
	if len(s.Spec.IPFamilies) == 0 {
		s.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol}
		if *s.Spec.IPFamilyPolicy == corev1.IPFamilyPolicyRequireDualStack && s.Spec.ClusterIP == corev1.ClusterIPNone {
			s.Spec.IPFamilies = append(s.Spec.IPFamilies, corev1.IPv6Protocol)
		}
	}
}

func allocatePorts(ctx *Context, s *corev1.Service, taken serviceUse) field.ErrorList {
	var errs field.ErrorList
	mine := make(map[int32]corev1.Protocol)
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		path := field.NewPath("spec", "ports").Index(i).Child("nodePort")
		switch {
		case p.NodePort == 0:
			p.NodePort = drawPort(ctx, taken, mine)
		case p.NodePort < firstNodePort || p.NodePort >= firstNodePort+nodePorts:
			errs = append(errs, field.Invalid(path, p.NodePort, fmt.Sprintf("provided port is not in the valid range. The range of valid ports is %d-%d",
				firstNodePort, firstNodePort+nodePorts-1)))
		case taken.ports[p.NodePort]:
			errs = append(errs, field.Invalid(path, p.NodePort, "provided port is already allocated"))
		}
		mine[p.NodePort] = p.Protocol
	}
	return errs
}

func drawPort(ctx *Context, taken serviceUse, mine map[int32]corev1.Protocol) int32 {
	for offset, start := uint64(0), ctx.Random()%nodePorts; offset < nodePorts; offset++ {
		port := int32(firstNodePort + (start+offset)%nodePorts)
		if _, used := mine[port]; !used && !taken.ports[port] {
			return port
		}
	}
	return 0
}
