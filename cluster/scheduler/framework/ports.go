package framework

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// HostPort is a port that a pod takes of its node.
type HostPort struct {
	IP       string
	Protocol corev1.Protocol
	Port     int32
}

// anyIP is the address that stands for all of a node's addresses.
const anyIP = "0.0.0.0"

func (p HostPort) conflicts(other HostPort) bool {
	return p.Port == other.Port && p.Protocol == other.Protocol && (p.IP == other.IP || p.IP == anyIP || other.IP == anyIP)
}

// PortSet is the set of ports taken on a node. Values are never changed in place, so that copies may share them.
type PortSet []HostPort

// Conflicts reports whether any wanted port is taken.
func (s PortSet) Conflicts(wanted []HostPort) bool {
	for _, want := range wanted {
		for _, taken := range s {
			if taken.conflicts(want) {
				return true
			}
		}
	}
	return false
}

// with returns the set with the ports added. Two pods on one port (possible if they were bound past the scheduler) count
// once, as upstream.
func (s PortSet) with(ports []HostPort) PortSet {
	added := slices.Clip(s)
	for _, p := range ports {
		if !slices.Contains(added, p) {
			added = append(added, p)
		}
	}
	return added
}

func (s PortSet) without(ports []HostPort) PortSet {
	var left PortSet
	for _, taken := range s {
		if !slices.Contains(ports, taken) {
			left = append(left, taken)
		}
	}
	return left
}

// HostPorts returns the host ports of containers, and of init containers that keep running.
func HostPorts(pod *corev1.Pod) []HostPort {
	var ports []HostPort
	collect := func(c *corev1.Container) {
		for i := range c.Ports {
			if c.Ports[i].HostPort > 0 {
				ports = append(ports, hostPort(&c.Ports[i]))
			}
		}
	}
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			collect(c)
		}
	}
	for i := range pod.Spec.Containers {
		collect(&pod.Spec.Containers[i])
	}
	return ports
}

func hostPort(p *corev1.ContainerPort) HostPort {
	port := HostPort{IP: p.HostIP, Protocol: p.Protocol, Port: p.HostPort}
	if port.IP == "" {
		port.IP = anyIP
	}
	if port.Protocol == "" {
		port.Protocol = corev1.ProtocolTCP
	}
	return port
}
