package registry

import (
	"github.com/fauxkube/fauxkube/cluster/api"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func coordinationEntries() []*Entry {
	return []*Entry{{
		Resource: api.Leases,
		name:     subdomainName,
		validate: with(validateLease),
		columns:  leaseColumns,
	}, {
		Resource:      api.EndpointSlices,
		name:          subdomainName,
		defaults:      fill(defaultEndpointSlice),
		prepareCreate: on(func(_ *Context, s *discoveryv1.EndpointSlice) { s.Generation = 1 }),
		prepareUpdate: pair(prepareEndpointSliceUpdate),
		validate:      with(validateEndpointSlice),
		update: both(func(s, old *discoveryv1.EndpointSlice) field.ErrorList {
			if s.AddressType == old.AddressType {
				return nil
			}
			return field.ErrorList{field.Invalid(field.NewPath("addressType"), s.AddressType, fieldImmutable)}
		}),
		columns: endpointSliceColumns,
	}}
}

func defaultEndpointSlice(s *discoveryv1.EndpointSlice) {
	// The store's encoding does not tell an empty list from none, and readers see null.
	if len(s.Ports) == 0 {
		s.Ports = nil
	}
	if len(s.Endpoints) == 0 {
		s.Endpoints = nil
	}
	complete := true
	for _, p := range s.Ports {
		complete = complete && p.Name != nil && p.Protocol != nil
	}
	if complete {
		return
	}
	s.Ports = append([]discoveryv1.EndpointPort(nil), s.Ports...)
	for i := range s.Ports {
		if s.Ports[i].Name == nil {
			s.Ports[i].Name = api.Ptr("")
		}
		if s.Ports[i].Protocol == nil {
			s.Ports[i].Protocol = api.Ptr(corev1.ProtocolTCP)
		}
	}
}

// prepareEndpointSliceUpdate counts a generation for every change of more than annotations and the like.
func prepareEndpointSliceUpdate(_ *Context, s, old *discoveryv1.EndpointSlice) {
	a, b := api.Shallow(s), api.Shallow(old)
	a.ObjectMeta, b.ObjectMeta = old.ObjectMeta, old.ObjectMeta
	if !sameStrings(s.Labels, old.Labels) || !api.Equal(a, b) {
		s.Generation++
	}
}

func validateLease(l *coordinationv1.Lease) field.ErrorList {
	var errs field.ErrorList
	if d := l.Spec.LeaseDurationSeconds; d != nil && *d <= 0 {
		errs = append(errs, field.Invalid(field.NewPath("spec", "leaseDurationSeconds"), *d, "must be greater than 0"))
	}
	if n := l.Spec.LeaseTransitions; n != nil && *n < 0 {
		errs = append(errs, field.Invalid(field.NewPath("spec", "leaseTransitions"), *n, "must be greater than or equal to 0"))
	}
	return errs
}

func networkingEntries() []*Entry {
	return []*Entry{{
		Resource:  api.Ingresses,
		KeyPrefix: "/registry/ingress/",
		deep:      true,
		name:      subdomainName,
		admit:     []admission{defaultIngressClass},
		prepareCreate: on(func(_ *Context, i *networkingv1.Ingress) {
			i.Status, i.Generation = networkingv1.IngressStatus{}, 1
		}),
		prepareUpdate: pair(func(_ *Context, i, old *networkingv1.Ingress) {
			i.Status = old.Status
			if !api.Equal(&i.Spec, &old.Spec) {
				i.Generation++
			}
		}),
		prepareStatus: pair(func(_ *Context, i, old *networkingv1.Ingress) { i.Spec = old.Spec }),
		validate:      with(validateIngress),
		columns:       nameAndAge,
	}, {
		Resource:      api.NetworkPolicies,
		deep:          true,
		name:          subdomainName,
		defaults:      fill(defaultNetworkPolicy),
		prepareCreate: on(func(_ *Context, p *networkingv1.NetworkPolicy) { p.Generation = 1 }),
		prepareUpdate: pair(func(_ *Context, p, old *networkingv1.NetworkPolicy) {
			if !api.Equal(&p.Spec, &old.Spec) {
				p.Generation++
			}
		}),
		columns: nameAndAge,
	}, {
		Resource:      api.IngressClasses,
		deep:          true,
		name:          subdomainName,
		prepareCreate: on(func(_ *Context, c *networkingv1.IngressClass) { c.Generation = 1 }),
		columns:       nameAndAge,
	}}
}

func defaultNetworkPolicy(p *networkingv1.NetworkPolicy) {
	tcp := func(ports []networkingv1.NetworkPolicyPort) {
		for i := range ports {
			if ports[i].Protocol == nil {
				ports[i].Protocol = api.Ptr(corev1.ProtocolTCP)
			}
		}
	}
	for i := range p.Spec.Ingress {
		tcp(p.Spec.Ingress[i].Ports)
	}
	for i := range p.Spec.Egress {
		tcp(p.Spec.Egress[i].Ports)
	}
	if len(p.Spec.PolicyTypes) == 0 {
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if len(p.Spec.Egress) > 0 {
			p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		}
	}
}

func validateIngress(i *networkingv1.Ingress) field.ErrorList {
	if len(i.Spec.Rules) == 0 && i.Spec.DefaultBackend == nil {
		return field.ErrorList{field.Invalid(field.NewPath("spec"), i.Spec.Rules, "either `defaultBackend` or `rules` must be specified")}
	}
	return nil
}

func rbacEntries() []*Entry {
	return []*Entry{
		{Resource: api.Roles, deep: true, name: segmentName, columns: nameAndCreated},
		{Resource: api.ClusterRoles, deep: true, name: segmentName, columns: nameAndCreated},
		{
			Resource: api.RoleBindings, deep: true, name: segmentName, columns: nameAndAge,
			defaults: fill(func(b *rbacv1.RoleBinding) { defaultBinding(&b.RoleRef, b.Subjects) }),
			update:   both(func(b, old *rbacv1.RoleBinding) field.ErrorList { return keepRoleRef(b.RoleRef, old.RoleRef) }),
		}, {
			Resource: api.ClusterRoleBindings, deep: true, name: segmentName, columns: nameAndAge,
			defaults: fill(func(b *rbacv1.ClusterRoleBinding) { defaultBinding(&b.RoleRef, b.Subjects) }),
			update:   both(func(b, old *rbacv1.ClusterRoleBinding) field.ErrorList { return keepRoleRef(b.RoleRef, old.RoleRef) }),
		},
	}
}

func defaultBinding(ref *rbacv1.RoleRef, subjects []rbacv1.Subject) {
	if ref.APIGroup == "" {
		ref.APIGroup = rbacv1.GroupName
	}
	for i := range subjects {
		if s := &subjects[i]; s.APIGroup == "" && s.Kind != rbacv1.ServiceAccountKind {
			s.APIGroup = rbacv1.GroupName
		}
	}
}

func keepRoleRef(ref, old rbacv1.RoleRef) field.ErrorList {
	if ref == old {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("roleRef"), ref, "cannot change roleRef")}
}
