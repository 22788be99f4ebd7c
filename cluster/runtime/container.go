package runtime

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// container is a container with what its image does.
type container struct {
	ContainerStatus
	runtime *Runtime
	uid     types.UID
	image   *Image
	// toCompletion: see Container.
	toCompletion bool
	started      sim.Monotonic
	timer        sim.Timer // its own end, its end on SIGTERM, or SIGKILL after the grace
	kill         sim.Timer
	killAt       sim.Monotonic // when kill is due; 0: nobody has asked the container to stop
	onStart      func(error)
	onEnd        []func() // who waits for the end
}

// Container asks for a container.
type Container struct {
	Pod          types.UID
	Sandbox      string
	Name         string
	Image        string
	RestartCount int32
	SpecHash     uint64
	// ToCompletion: the pod waits for the container's end, as for an init container's. Where nothing is known of how long
	// its image runs, it ends after DefaultRunFor.
	ToCompletion bool
}

// CreateContainer makes a container in a sandbox.
func (r *Runtime) CreateContainer(caller *host.Process, spec Container, done func(id string, err error)) {
	c := r.begin(caller, func(err error) { done("", err) })
	if c == nil {
		return
	}
	r.daemon.ChargeFunc(r.ops.create, 1, func() {
		p := r.pods[spec.Pod]
		if p == nil || p.sandbox(spec.Sandbox) == nil || !p.sandbox(spec.Sandbox).Ready {
			c.end(fmt.Errorf("rpc error: code = NotFound desc = failed to find sandbox %q: not found", spec.Sandbox))
			return
		}
		if !r.store.has(spec.Image) {
			c.end(fmt.Errorf("rpc error: code = NotFound desc = failed to resolve image %q: not found", spec.Image))
			return
		}
		n := r.record(p, spec)
		c.answer(func() { done(n.ID, nil) })
	})
}

func (r *Runtime) record(p *pod, spec Container) *container {
	image, _ := r.config.Catalogue.Lookup(spec.Image)
	n := &container{runtime: r, uid: spec.Pod, image: image, toCompletion: spec.ToCompletion, ContainerStatus: ContainerStatus{
		ID: r.identifier("container", spec.Pod, spec.Name), Name: spec.Name, Sandbox: spec.Sandbox,
		RestartCount: spec.RestartCount, SpecHash: spec.SpecHash, State: Created, CreatedAt: r.daemon.Wall(),
		Image: spec.Image, ImageRef: Reference(spec.Image),
	}}
	p.containers = append(p.containers, n)
	return n
}

// StartContainer starts a created container; done is called when its process runs.
func (r *Runtime) StartContainer(caller *host.Process, uid types.UID, id string, done func(error)) {
	c := r.begin(caller, done)
	if c == nil {
		return
	}
	r.daemon.ChargeFunc(r.ops.start, 1, func() {
		n := r.find(uid, id)
		switch {
		case n == nil || n.State != Created:
			c.end(ErrNotFound)
		case n.image.StartError != "":
			now := r.daemon.Wall()
			n.StartedAt = now
			n.exit(now, 128, "StartError") // what containerd records of a container that runc could not start
			n.Message = n.image.StartError
			c.end(errors.New(n.image.StartError))
		default:
			r.config.Catalogue.use(n.Image).Starts++
			n.onStart = c.end
			r.shims.At(orDefault(n.image.Startup, DefaultStartup), 0, r.kinds.started, 0, n)
		}
	})
}

func containerStarted(_ uint64, ref any) {
	n := ref.(*container)
	done := n.onStart
	n.onStart = nil
	if n.State != Created {
		done(ErrNotFound)
		return
	}
	n.State, n.StartedAt, n.started = Running, n.runtime.shims.Wall(), n.runtime.shims.Monotonic()
	if runFor := n.runFor(); runFor > 0 {
		n.timer = n.runtime.shims.At(runFor, 0, n.runtime.kinds.ended, 0, n)
	}
	n.runtime.tell(n.uid)
	done(nil)
}

// runFor is after how long the container ends by itself; 0 is never.
func (n *container) runFor() time.Duration {
	switch {
	case n.image.RunFor == 0 && n.toCompletion:
		return DefaultRunFor
	case n.image.Crashes == 0 || n.RestartCount < n.image.Crashes:
		return n.image.RunFor
	}
	return 0
}

// containerEnded is the process's own end.
func containerEnded(_ uint64, ref any) {
	n := ref.(*container)
	if n.image.OOMKilled {
		n.exit(n.runtime.shims.Wall(), ExitKilled, ReasonOOMKilled)
		return
	}
	n.exit(n.runtime.shims.Wall(), n.image.ExitCode, reasonOf(n.image.ExitCode))
}

func reasonOf(exitCode int32) string {
	if exitCode == 0 {
		return ReasonCompleted
	}
	return ReasonError
}

// exit ends a container and tells those who wait.
func (n *container) exit(now sim.Wall, exitCode int32, reason string) {
	if n.State == Exited {
		return
	}
	n.State, n.FinishedAt, n.ExitCode, n.Reason = Exited, now, exitCode, reason
	n.runtime.shims.Cancel(n.timer)
	n.runtime.shims.Cancel(n.kill)
	waiting := n.onEnd
	n.onEnd = nil
	n.runtime.tell(n.uid)
	for _, fn := range waiting {
		fn()
	}
}

// StopContainer sends SIGTERM, and SIGKILL after the grace; done is called when the container has ended.
func (r *Runtime) StopContainer(caller *host.Process, uid types.UID, id string, grace time.Duration, done func(error)) {
	c := r.begin(caller, done)
	if c == nil {
		return
	}
	r.daemon.ChargeFunc(r.ops.stop, 1, func() {
		n := r.find(uid, id)
		switch {
		case n == nil:
			c.end(ErrNotFound)
		case n.State != Running:
			c.end(nil)
		default:
			n.onEnd = append(n.onEnd, func() { c.end(nil) })
			n.terminate(grace)
		}
	})
}

// terminate is SIGTERM now and SIGKILL after the grace. A second call can only bring SIGKILL forward.
func (n *container) terminate(grace time.Duration) {
	shims := n.runtime.shims
	again, at := n.killAt != 0, shims.Monotonic().Add(grace)
	if again && at >= n.killAt {
		return
	}
	n.killAt = at
	shims.Cancel(n.kill)
	n.kill = shims.At(grace, 0, n.runtime.kinds.killed, 0, n)
	if again || n.image.IgnoreSIGTERM {
		return
	}
	shims.Cancel(n.timer)
	n.timer = shims.At(orDefault(n.image.StopAfter, DefaultStopAfter), 0, n.runtime.kinds.killed, 1, n)
}

// containerKilled ends a container: by SIGKILL, or with num 1 by itself on SIGTERM.
func containerKilled(num uint64, ref any) {
	n := ref.(*container)
	if num == 1 {
		n.exit(n.runtime.shims.Wall(), n.image.TermExitCode, reasonOf(n.image.TermExitCode))
		return
	}
	n.exit(n.runtime.shims.Wall(), ExitKilled, ReasonError)
}

// RemoveContainer deletes a container's record; one that runs is killed.
func (r *Runtime) RemoveContainer(caller *host.Process, uid types.UID, id string, done func(error)) {
	c := r.begin(caller, done)
	if c == nil {
		return
	}
	r.daemon.ChargeFunc(r.ops.remove, 1, func() {
		if n := r.find(uid, id); n != nil {
			if n.State == Running {
				n.exit(r.shims.Wall(), ExitKilled, ReasonError)
			}
			p := r.pods[uid]
			p.containers = slices.DeleteFunc(p.containers, func(x *container) bool { return x == n })
			r.tell(uid)
		}
		c.end(nil)
	})
}

// Kill ends a running container from the outside, as the kernel's out-of-memory killer does: for faults.
func (r *Runtime) Kill(uid types.UID, name string, reason string) bool {
	p := r.pods[uid]
	if p == nil {
		return false
	}
	for _, n := range p.containers {
		if n.Name == name && n.State == Running {
			n.exit(r.shims.Wall(), ExitKilled, reason)
			return true
		}
	}
	return false
}

func (r *Runtime) find(uid types.UID, id string) *container {
	if p := r.pods[uid]; p != nil {
		return p.container(id)
	}
	return nil
}

// Probe says how a container answers a probe now.
type Probe uint8

// The kinds of probes.
const (
	Readiness Probe = iota
	Liveness
	Startup
)

// Answers reports whether a running container passes a probe.
func (r *Runtime) Answers(uid types.UID, id string, probe Probe) bool {
	n := r.find(uid, id)
	if n == nil || n.State != Running {
		return false
	}
	up := r.shims.Monotonic().Sub(n.started)
	switch probe {
	case Liveness:
		return !n.image.FailLiveness
	case Startup:
		return !n.image.FailStartup && up >= n.image.ReadyIn
	}
	return !n.image.FailReadiness && up >= n.image.ReadyIn
}

// Listens reports whether a running container has come far enough to accept connections.
func (r *Runtime) Listens(uid types.UID, id string) bool {
	n := r.find(uid, id)
	return n != nil && n.State == Running && r.shims.Monotonic().Sub(n.started) >= n.image.ReadyIn
}
