package registry

import (
	"github.com/fauxkube/fauxkube/cluster/api"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func serviceEntries() []*Entry {
	return []*Entry{{
		Resource:      api.Services,
		KeyPrefix:     "/registry/services/specs/",
		deep:          true,
		name:          serviceName,
		defaults:      fill(defaultService),
		prepareCreate: on(func(_ *Context, s *corev1.Service) { s.Status = corev1.ServiceStatus{} }),
		prepareUpdate: pair(prepareServiceUpdate),
		prepareStatus: pair(func(_ *Context, s, old *corev1.Service) { s.Spec = old.Spec }),
		allocate:      allocateService,
		validate:      with(validateService),
		update:        both(validateServiceUpdate),
		fromStorage:   withoutUselessPolicy,
		selectable:    []string{"spec.clusterIP", "spec.type"},
		value: func(obj api.Object, name string) string {
			s := obj.(*corev1.Service)
			if name == "spec.type" {
				return string(s.Spec.Type)
			}
			return s.Spec.ClusterIP
		},
		columns: serviceColumns,
	}, {
		Resource:  api.Endpoints,
		KeyPrefix: "/registry/services/endpoints/",
		deep:      true,
		name:      subdomainName,
		defaults:  fill(defaultEndpoints),
		validate:  with(validateEndpoints),
		columns:   endpointsColumns,
	}}
}

// withoutUselessPolicy leaves a policy out of answers that a Service had before it became an ExternalName, where it means
// nothing. It stays in the store, and watches show it (pkg/registry/core/service/storage, defaultOnRead...).
func withoutUselessPolicy(o api.Object) api.Object {
	s := o.(*corev1.Service)
	if s.Spec.Type != corev1.ServiceTypeExternalName || s.Spec.InternalTrafficPolicy == nil {
		return s
	}
	s = api.Shallow(s)
	s.Spec.InternalTrafficPolicy = nil
	return s
}

func defaultEndpoints(e *corev1.Endpoints) {
	for i := range e.Subsets {
		for j := range e.Subsets[i].Ports {
			if p := &e.Subsets[i].Ports[j]; p.Protocol == "" {
				p.Protocol = corev1.ProtocolTCP
			}
		}
	}
}

func defaultService(s *corev1.Service) {
	spec := &s.Spec
	if spec.SessionAffinity == "" {
		spec.SessionAffinity = corev1.ServiceAffinityNone
	}
	defaultAffinityConfig(spec)
	if spec.Type == "" {
		spec.Type = corev1.ServiceTypeClusterIP
	}
	for i := range spec.Ports {
		p := &spec.Ports[i]
		if p.Protocol == "" {
			p.Protocol = corev1.ProtocolTCP
		}
		if p.TargetPort == intstr.FromInt32(0) || p.TargetPort == intstr.FromString("") {
			p.TargetPort = intstr.FromInt32(p.Port)
		}
	}
	if externallyAccessible(s) && spec.ExternalTrafficPolicy == "" {
		spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyCluster
	}
	if spec.InternalTrafficPolicy == nil && spec.Type != corev1.ServiceTypeExternalName {
		spec.InternalTrafficPolicy = api.Ptr(corev1.ServiceInternalTrafficPolicyCluster)
	}
	if spec.Type == corev1.ServiceTypeLoadBalancer && spec.AllocateLoadBalancerNodePorts == nil {
		spec.AllocateLoadBalancerNodePorts = api.Ptr(true)
	}
}

func defaultAffinityConfig(spec *corev1.ServiceSpec) {
	switch spec.SessionAffinity {
	case corev1.ServiceAffinityNone:
		spec.SessionAffinityConfig = nil
	case corev1.ServiceAffinityClientIP:
		c := spec.SessionAffinityConfig
		if c == nil || c.ClientIP == nil || c.ClientIP.TimeoutSeconds == nil {
			spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{
				ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: api.Ptr(corev1.DefaultClientIPServiceAffinitySeconds)},
			}
		}
	}
}

func externallyAccessible(s *corev1.Service) bool {
	t := s.Spec.Type
	return t == corev1.ServiceTypeLoadBalancer || t == corev1.ServiceTypeNodePort ||
		t == corev1.ServiceTypeClusterIP && len(s.Spec.ExternalIPs) > 0
}

func prepareServiceUpdate(_ *Context, s, old *corev1.Service) {
	s.Status = old.Status
	carryAllocated(s, old)
	dropTypeFields(s, old)
}

// carryAllocated keeps what the server allocated where an update leaves it out, as long as the service still needs it.
func carryAllocated(s, old *corev1.Service) {
	if needsClusterIP(s) && needsClusterIP(old) {
		if s.Spec.ClusterIP == "" {
			s.Spec.ClusterIP = old.Spec.ClusterIP
		}
		if len(s.Spec.ClusterIPs) == 0 && s.Spec.ClusterIP == old.Spec.ClusterIP {
			s.Spec.ClusterIPs = old.Spec.ClusterIPs
		}
	}
	if !needsNodePort(s) || !needsNodePort(old) {
		return
	}
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		for _, was := range old.Spec.Ports {
			if p.NodePort == 0 && was.Port == p.Port && was.Protocol == p.Protocol {
				p.NodePort = was.NodePort
			}
		}
	}
}

// dropTypeFields removes what only the old type needed, unless the update changes it too: then it is the user's mistake
// and validation says so.
func dropTypeFields(s, old *corev1.Service) {
	if needsNodePort(old) && !needsNodePort(s) && sameNodePorts(s, old) {
		for i := range s.Spec.Ports {
			s.Spec.Ports[i].NodePort = 0
		}
	}
	if s.Spec.Type != corev1.ServiceTypeLoadBalancer && old.Spec.Type == corev1.ServiceTypeLoadBalancer {
		s.Spec.AllocateLoadBalancerNodePorts = nil
		s.Spec.LoadBalancerClass = nil
		s.Spec.HealthCheckNodePort = 0
	}
	if !externallyAccessible(s) && externallyAccessible(old) && s.Spec.ExternalTrafficPolicy == old.Spec.ExternalTrafficPolicy {
		s.Spec.ExternalTrafficPolicy = ""
	}
}

func sameNodePorts(s, old *corev1.Service) bool {
	has := make(map[int32]bool)
	for _, p := range old.Spec.Ports {
		has[p.NodePort] = true
	}
	for _, p := range s.Spec.Ports {
		if p.NodePort != 0 && !has[p.NodePort] {
			return false
		}
	}
	return true
}

func needsClusterIP(s *corev1.Service) bool { return s.Spec.Type != corev1.ServiceTypeExternalName }

func needsNodePort(s *corev1.Service) bool {
	switch s.Spec.Type {
	case corev1.ServiceTypeNodePort:
		return true
	case corev1.ServiceTypeLoadBalancer:
		return s.Spec.AllocateLoadBalancerNodePorts == nil || *s.Spec.AllocateLoadBalancerNodePorts
	}
	return false
}
