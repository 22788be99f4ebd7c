package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// pod is everything that the runtime has of one pod, the oldest first.
type pod struct {
	uid             types.UID
	namespace, name string
	sandboxes       []*SandboxStatus
	containers      []*container
	devices         []Device // while a sandbox is ready
}

func (p *pod) snapshot(s *PodStatus) {
	s.Namespace, s.Name = p.namespace, p.name
	for _, b := range slices.Backward(p.sandboxes) {
		s.Sandboxes = append(s.Sandboxes, *b)
	}
	for _, c := range slices.Backward(p.containers) {
		s.Containers = append(s.Containers, c.ContainerStatus)
	}
}

func (p *pod) sandbox(id string) *SandboxStatus {
	for _, s := range p.sandboxes {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func (p *pod) container(id string) *container {
	for _, c := range p.containers {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Sandbox asks for a pod sandbox.
type Sandbox struct {
	UID             types.UID
	Namespace, Name string
	Attempt         uint32
	HostNetwork     bool
	// Devices are what the pod's containers may use.
	Devices []Device
}

// RunSandbox creates a pod's sandbox with its network.
func (r *Runtime) RunSandbox(caller *host.Process, s Sandbox, done func(id string, err error)) {
	c := r.begin(caller, func(err error) { done("", err) })
	if c == nil {
		return
	}
	r.daemon.ChargeFunc(r.ops.sandbox, 1, func() {
		if s.HostNetwork {
			r.sandboxed(c, s, done)
			return
		}
		r.daemon.After(r.draws.Duration(purposeSandbox, sandboxWait), func() { r.sandboxed(c, s, done) })
	})
}

func (r *Runtime) sandboxed(c *call, s Sandbox, done func(string, error)) {
	if c.answered {
		return
	}
	p := r.pods[s.UID]
	if p == nil {
		p = &pod{uid: s.UID, namespace: s.Namespace, name: s.Name}
	}
	status := &SandboxStatus{
		ID: r.identifier("sandbox", s.UID, fmt.Sprint(s.Attempt)), Attempt: s.Attempt, Ready: true,
		HostNetwork: s.HostNetwork, CreatedAt: r.daemon.Wall(),
	}
	if !s.HostNetwork {
		ip, ok := r.addresses.take()
		if !ok {
			c.end(fmt.Errorf("rpc error: code = Unknown desc = failed to setup network for sandbox %q: plugin type=\"bridge\" failed (add): failed to allocate for range 0: no IP addresses available in range set: %s", status.ID, r.addresses.prefix))
			return
		}
		status.IP = ip
	}
	r.pods[s.UID] = p
	p.sandboxes = append(p.sandboxes, status)
	r.takeDevices(p, s.Devices)
	r.tell(s.UID)
	c.answer(func() { done(status.ID, nil) })
}

// StopSandbox ends a sandbox: its containers are killed, its network is taken down.
func (r *Runtime) StopSandbox(caller *host.Process, uid types.UID, id string, done func(error)) {
	c := r.begin(caller, done)
	if c == nil {
		return
	}
	r.daemon.ChargeFunc(r.ops.stop, 1, func() {
		if p := r.pods[uid]; p != nil {
			if s := p.sandbox(id); s != nil {
				r.stopSandbox(p, s)
			}
		}
		c.end(nil)
	})
}

func (r *Runtime) stopSandbox(p *pod, s *SandboxStatus) {
	for _, c := range p.containers {
		if c.Sandbox == s.ID && c.State == Running {
			c.exit(r.shims.Wall(), ExitKilled, ReasonError)
		}
	}
	if !s.Ready {
		return
	}
	s.Ready = false
	r.addresses.release(s.IP)
	s.IP = ""
	r.giveDevicesBack(p)
	r.tell(p.uid)
}

// RemovePod deletes every trace of a pod: what still runs is killed.
func (r *Runtime) RemovePod(caller *host.Process, uid types.UID, done func(error)) {
	c := r.begin(caller, done)
	if c == nil {
		return
	}
	r.daemon.ChargeFunc(r.ops.remove, 1, func() {
		if p := r.pods[uid]; p != nil {
			for _, s := range p.sandboxes {
				r.stopSandbox(p, s)
			}
			delete(r.pods, uid)
			r.tell(uid)
		}
		c.end(nil)
	})
}

// bury ends what ran when the machine went down.
func (r *Runtime) bury(now sim.Wall) {
	for _, uid := range r.Pods() {
		p := r.pods[uid]
		for _, c := range p.containers {
			c.onStart, c.onEnd = nil, nil
			if c.State == Running {
				c.exit(now, ExitUnknown, ReasonUnknown)
			}
		}
		for _, s := range p.sandboxes {
			r.stopSandbox(p, s)
		}
	}
}

// killAll ends what runs, or is about to, as SIGKILL does.
func (r *Runtime) killAll(now sim.Wall) {
	for _, uid := range r.Pods() {
		for _, c := range r.pods[uid].containers {
			if c.onStart != nil {
				c.onStart(ErrUnavailable)
				c.onStart = nil
			}
			if c.State == Running {
				c.exit(now, ExitKilled, ReasonError)
			}
		}
	}
}

// identifier returns a new identifier of 64 hexadecimal digits.
func (r *Runtime) identifier(kind string, uid types.UID, detail string) string {
	r.ids++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%s/%d", r.machine.Name(), kind, uid, detail, r.ids))
	return hex.EncodeToString(sum[:])
}
