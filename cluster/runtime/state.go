package runtime

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/sim"
)

// State is the state of a container as the runtime reports it over the CRI.
type State uint8

// The states of a container.
const (
	Created State = iota
	Running
	Exited
	Unknown
)

var stateNames = [...]string{"created", "running", "exited", "unknown"}

// String is the state as the kubelet writes it into messages.
func (s State) String() string { return stateNames[s] }

// Exit codes: 128 + signal number for a signalled process, and 255 for a container whose end nobody saw (containerd,
// after its machine went down).
const (
	ExitKilled  = 137
	ExitTerm    = 143
	ExitUnknown = 255
)

// The reasons containerd gives for an exit.
const (
	ReasonCompleted = "Completed"
	ReasonError     = "Error"
	ReasonOOMKilled = "OOMKilled"
	ReasonUnknown   = "Unknown"
)

// ContainerStatus is what ContainerStatus of the CRI answers: a value, so that a snapshot stays what it was.
type ContainerStatus struct {
	ID      string // 64 hexadecimal digits, as containerd's
	Name    string
	Sandbox string
	// RestartCount is the attempt of the container: 0 for the first of its name in a pod.
	RestartCount int32
	// SpecHash is the kubelet's hash of what of the container's spec cannot change in place.
	SpecHash uint64

	State      State
	CreatedAt  sim.Wall
	StartedAt  sim.Wall
	FinishedAt sim.Wall
	ExitCode   int32
	Reason     string
	Message    string

	Image    string // as the pod names it
	ImageRef string // with its digest
}

// SandboxStatus is one pod sandbox.
type SandboxStatus struct {
	ID          string
	Attempt     uint32
	Ready       bool
	HostNetwork bool
	IP          string // empty on the host's network
	CreatedAt   sim.Wall
}

// PodStatus is a snapshot of everything the runtime has of one pod, the newest sandbox and container first.
type PodStatus struct {
	UID        types.UID
	Namespace  string
	Name       string
	Sandboxes  []SandboxStatus
	Containers []ContainerStatus
}

// Container returns the newest container of a name, or nil.
func (p *PodStatus) Container(name string) *ContainerStatus {
	if p == nil {
		return nil
	}
	for i := range p.Containers {
		if p.Containers[i].Name == name {
			return &p.Containers[i]
		}
	}
	return nil
}

// Sandbox returns the newest sandbox, or nil.
func (p *PodStatus) Sandbox() *SandboxStatus {
	if p == nil || len(p.Sandboxes) == 0 {
		return nil
	}
	return &p.Sandboxes[0]
}

// IP returns the address of the newest sandbox if it is ready, or "".
func (p *PodStatus) IP() string {
	if s := p.Sandbox(); s != nil && s.Ready {
		return s.IP
	}
	return ""
}

// Running returns the containers that run.
func (p *PodStatus) Running() []ContainerStatus {
	if p == nil {
		return nil
	}
	var out []ContainerStatus
	for _, c := range p.Containers {
		if c.State == Running {
			out = append(out, c)
		}
	}
	return out
}
