package registry

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	serviceTypes = []corev1.ServiceType{corev1.ServiceTypeClusterIP, corev1.ServiceTypeExternalName, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeNodePort}
	affinities   = []corev1.ServiceAffinity{corev1.ServiceAffinityClientIP, corev1.ServiceAffinityNone}
)

// longestSticky is the most seconds of session affinity: a day.
const longestSticky = 86400

func validateService(s *corev1.Service) field.ErrorList {
	var errs field.ErrorList
	headless := s.Spec.ClusterIP == corev1.ClusterIPNone
	if len(s.Spec.Ports) == 0 && !headless && s.Spec.Type != corev1.ServiceTypeExternalName {
		errs = append(errs, field.Required(specPath.Child("ports"), ""))
	}
	if headless && (s.Spec.Type == corev1.ServiceTypeNodePort || s.Spec.Type == corev1.ServiceTypeLoadBalancer) {
		errs = append(errs, field.Invalid(specPath.Child("clusterIPs").Index(0), s.Spec.ClusterIP, "may not be set to 'None' for "+string(s.Spec.Type)+" services"))
	}
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		errs = append(errs, validateExternalName(s)...)
	}
	errs = append(errs, validateServicePorts(s)...)
	errs = append(errs, checkLabels(s.Spec.Selector, specPath.Child("selector"))...)
	errs = append(errs, oneOf(s.Spec.SessionAffinity, affinities, true, specPath.Child("sessionAffinity"))...)
	if c := s.Spec.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
		if t := *c.ClientIP.TimeoutSeconds; t <= 0 || t > longestSticky {
			errs = append(errs, field.Invalid(specPath.Child("sessionAffinityConfig", "clientIP", "timeoutSeconds"), t, "must be greater than 0 and less than 86400"))
		}
	}
	return append(errs, oneOf(s.Spec.Type, serviceTypes, true, specPath.Child("type"))...)
}

func validateExternalName(s *corev1.Service) field.ErrorList {
	at := specPath.Child("externalName")
	if s.Spec.ExternalName == "" {
		return field.ErrorList{field.Required(at, "")}
	}
	return checkSubdomain(s.Spec.ExternalName, at)
}

func validateServicePorts(s *corev1.Service) field.ErrorList {
	var errs field.ErrorList
	type key struct {
		protocol corev1.Protocol
		port     int32
	}
	names, ports, nodePorts := make(map[string]bool), make(map[key]bool), make(map[key]bool)
	for i := range s.Spec.Ports {
		p, at := &s.Spec.Ports[i], specPath.Child("ports").Index(i)
		errs = append(errs, validateServicePortName(p.Name, len(s.Spec.Ports) > 1, names, at.Child("name"))...)
		errs = append(errs, checkPort(p.Port, at.Child("port"))...)
		errs = append(errs, oneOf(p.Protocol, protocols, true, at.Child("protocol"))...)
		errs = append(errs, checkPortOrName(p.TargetPort, at.Child("targetPort"))...)
		if k := (key{p.Protocol, p.Port}); ports[k] {
			errs = append(errs, field.Duplicate(at, corev1.ServicePort{Protocol: p.Protocol, Port: p.Port}))
		} else {
			ports[k] = true
		}
		if p.NodePort == 0 {
			continue
		}
		if !needsNodePort(s) && s.Spec.Type != corev1.ServiceTypeLoadBalancer {
			errs = append(errs, field.Forbidden(at.Child("nodePort"), "may not be used when `type` is '"+string(s.Spec.Type)+"'"))
		}
		if k := (key{p.Protocol, p.NodePort}); nodePorts[k] {
			errs = append(errs, field.Duplicate(at.Child("nodePort"), p.NodePort))
		} else {
			nodePorts[k] = true
		}
	}
	return errs
}

func validateServicePortName(name string, required bool, seen map[string]bool, at *field.Path) field.ErrorList {
	switch {
	case name == "" && required:
		return field.ErrorList{field.Required(at, "")}
	case name == "":
		return nil
	case seen[name]:
		return field.ErrorList{field.Duplicate(at, name)}
	}
	seen[name] = true
	return checkDNSLabel(name, at)
}

// validateServiceUpdate keeps a service's address while it has one.
func validateServiceUpdate(s, old *corev1.Service) field.ErrorList {
	if !needsClusterIP(s) || !needsClusterIP(old) || old.Spec.ClusterIP == "" || s.Spec.ClusterIP == old.Spec.ClusterIP {
		return nil
	}
	return field.ErrorList{field.Invalid(specPath.Child("clusterIPs").Index(0), s.Spec.ClusterIPs, "may not change once set")}
}

func validateEndpoints(e *corev1.Endpoints) field.ErrorList {
	var errs field.ErrorList
	for i := range e.Subsets {
		ss, at := &e.Subsets[i], field.NewPath("subsets").Index(i)
		if len(ss.Addresses) == 0 && len(ss.NotReadyAddresses) == 0 {
			errs = append(errs, field.Required(at, "must specify `addresses` or `notReadyAddresses`"))
		}
		for j := range ss.Addresses {
			errs = append(errs, checkIP(ss.Addresses[j].IP, at.Child("addresses").Index(j).Child("ip"))...)
		}
		for j := range ss.Ports {
			errs = append(errs, checkPort(ss.Ports[j].Port, at.Child("ports").Index(j).Child("port"))...)
		}
	}
	return errs
}

func checkIP(ip string, at *field.Path) field.ErrorList {
	if _, err := netip.ParseAddr(ip); err == nil {
		return nil
	}
	return validation.IsValidIP(at, ip)
}

// Bounds of an EndpointSlice (pkg/apis/discovery/validation).
const (
	maxSliceEndpoints = 1000
	maxSlicePorts     = 20000
	maxAddresses      = 100
)

var addressTypes = []discoveryv1.AddressType{discoveryv1.AddressTypeFQDN, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6}

func validateEndpointSlice(s *discoveryv1.EndpointSlice) field.ErrorList {
	errs := oneOf(s.AddressType, addressTypes, true, field.NewPath("addressType"))
	if n := len(s.Endpoints); n > maxSliceEndpoints {
		errs = append(errs, field.TooMany(field.NewPath("endpoints"), n, maxSliceEndpoints))
	}
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		if n := len(e.Addresses); n >= 1 && n <= maxAddresses && (s.AddressType != discoveryv1.AddressTypeIPv4 || plainIPv4(e.Addresses)) {
			continue
		}
		errs = append(errs, validateAddresses(e, s.AddressType, field.NewPath("endpoints").Index(i).Child("addresses"))...)
	}
	return append(errs, validateSlicePorts(s.Ports)...)
}

func plainIPv4(addresses []string) bool {
	for _, a := range addresses {
		if ip, err := netip.ParseAddr(a); err != nil || !ip.Is4() || ip.IsLoopback() || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() {
			return false
		}
	}
	return true
}

func validateAddresses(e *discoveryv1.Endpoint, t discoveryv1.AddressType, at *field.Path) field.ErrorList {
	switch n := len(e.Addresses); {
	case n == 0:
		return field.ErrorList{field.Required(at, "must contain at least 1 address")}
	case n > maxAddresses:
		return field.ErrorList{field.TooMany(at, n, maxAddresses)}
	}
	var errs field.ErrorList
	for i, a := range e.Addresses {
		switch t {
		case discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6:
			errs = append(errs, checkIP(a, at.Index(i))...)
		case discoveryv1.AddressTypeFQDN:
			errs = append(errs, checkSubdomain(a, at.Index(i))...)
		}
	}
	return errs
}

func validateSlicePorts(ports []discoveryv1.EndpointPort) field.ErrorList {
	path := field.NewPath("ports")
	if n := len(ports); n > maxSlicePorts {
		return field.ErrorList{field.TooMany(path, n, maxSlicePorts)}
	}
	var errs field.ErrorList
	names := make(map[string]bool, len(ports))
	for i := range ports {
		p, at := &ports[i], path.Index(i)
		if name := *p.Name; names[name] {
			errs = append(errs, field.Duplicate(at.Child("name"), name))
		} else {
			names[name] = true
			if name != "" {
				errs = append(errs, checkDNSLabel(name, at.Child("name"))...)
			}
		}
		errs = append(errs, oneOf(*p.Protocol, protocols, true, at.Child("protocol"))...)
	}
	return errs
}
