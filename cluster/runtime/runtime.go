package runtime

import (
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// ErrUnavailable is what a call answers while containerd is down, in the words of its gRPC client.
var ErrUnavailable = errors.New(`rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"`)

// ErrNotFound answers a call about a sandbox or container that is not there.
var ErrNotFound = errors.New("rpc error: code = NotFound desc = not found")

// Version is containerd's, as nodes report it.
const Version = "2.2.1"

// Config describes the runtime of one machine. Zero values mean the defaults.
type Config struct {
	Catalogue *Catalogue
	// PullBytesPerSecond is the bandwidth from the registry; 0: 100 MB/s, what a 1 Gb/s link leaves.
	PullBytesPerSecond int64
	// NetworkReadyAfter is how long after the machine's first start the network plug-in has written its configuration;
	// 0: 10 s, as a CNI DaemonSet takes on a fresh kubeadm node; negative: at once. It stays for later boots.
	NetworkReadyAfter time.Duration
	// OnDevices, if set, observes who uses devices. It must not act on the simulated world.
	OnDevices func(DeviceUse)
}

const (
	defaultPullBytesPerSecond = 100_000_000
	defaultNetworkReadyAfter  = 10 * time.Second
)

// Waiting of the runtime's calls beside CPU time.
var (
	// sandboxWait is the network plug-in's: veth pair, bridge, host-local address (CNI's own benchmarks: .1-.4 s).
	sandboxWait = sim.LogNormal(200*time.Millisecond, 600*time.Millisecond)
	// manifestWait is the registry's answer to the manifest and the token request before it.
	manifestWait = sim.LogNormal(200*time.Millisecond, 800*time.Millisecond)
)

// Purposes of the runtime's draws.
const (
	purposeSandbox sim.Purpose = iota
	purposeManifest
)

// Runtime is containerd on one machine.
type Runtime struct {
	machine *host.Machine
	daemon  *host.Process // containerd
	shims   *host.Process // the containers
	config  Config
	draws   *sim.Stream
	ops     operations
	kinds   kinds

	store     store
	pods      map[types.UID]*pod
	addresses addresses
	network   bool // the plug-in has written its configuration
	lost      bool // the machine went down: what ran then has ended unseen
	calls     []*call
	changed   func(types.UID)
	ids       uint64
}

type operations struct{ sandbox, create, start, stop, remove, unpack host.Op }

type kinds struct{ started, ended, killed sim.Kind }

// New puts a runtime on a machine.
func New(m *host.Machine, c Config) *Runtime {
	if c.Catalogue == nil {
		c.Catalogue = NewCatalogue(nil)
	}
	if c.PullBytesPerSecond == 0 {
		c.PullBytesPerSecond = defaultPullBytesPerSecond
	}
	r := &Runtime{machine: m, config: c, store: newStore(), pods: map[types.UID]*pod{}}
	m.Observe((*observer)(r))
	r.daemon = m.Spawn("containerd", r.startDaemon)
	r.shims = m.Spawn("containerd-shim", func(*host.Process) {})
	p := r.daemon
	r.draws = p.Stream("runtime/" + m.Name())
	r.ops = operations{
		sandbox: p.Op("runtime.sandbox"), create: p.Op("runtime.create"), start: p.Op("runtime.start"),
		stop: p.Op("runtime.stop"), remove: p.Op("runtime.remove"), unpack: p.Op("runtime.unpack"),
	}
	r.kinds = kinds{
		started: p.Kind("runtime.started", containerStarted),
		ended:   p.Kind("runtime.ended", containerEnded),
		killed:  p.Kind("runtime.killed", containerKilled),
	}
	return r
}

// startDaemon runs at every start of containerd.
func (r *Runtime) startDaemon(p *host.Process) {
	if r.lost {
		r.lost = false
		r.bury(p.Wall())
	}
	if r.network {
		return
	}
	ready := func() { r.network = true; r.tell("") }
	if d := orDefault(r.config.NetworkReadyAfter, defaultNetworkReadyAfter); d > 0 {
		p.After(d, ready)
	} else {
		r.network = true
	}
}

// Catalogue is where the runtime looks images up.
func (r *Runtime) Catalogue() *Catalogue { return r.config.Catalogue }

// Daemon and Shims are the runtime's processes, for faults.
func (r *Runtime) Daemon() *host.Process { return r.daemon }

// Shims is the process that stands for all containers.
func (r *Runtime) Shims() *host.Process { return r.shims }

// Up reports whether containerd answers.
func (r *Runtime) Up() bool { return r.daemon.IsUp() && !r.daemon.Paused() }

// NetworkReady reports whether pods can get a network: the plug-in is there, and so is the node's address range.
func (r *Runtime) NetworkReady() bool { return r.network && r.addresses.ready() }

// SetPodCIDR gives the plug-in the node's address range. A broken one is an error.
func (r *Runtime) SetPodCIDR(cidr string) error { return r.addresses.set(cidr) }

// OnChange sets who hears of every change of a pod's containers, by the pod's UID; "" is a change of the network. It is
// called in the middle of the change: the listener takes note and reads later.
func (r *Runtime) OnChange(listener func(types.UID)) { r.changed = listener }

func (r *Runtime) tell(uid types.UID) {
	if r.changed != nil {
		r.changed(uid)
	}
}

// Images lists the images on the node, the largest first.
func (r *Runtime) Images() []ImageStatus { return r.store.list() }

// HasImage reports whether an image is on the node.
func (r *Runtime) HasImage(name string) bool { return r.store.has(name) }

// RemoveImage deletes an image, if no container uses it.
func (r *Runtime) RemoveImage(name string) { r.store.remove(name) }

// Status returns a snapshot of a pod; it is empty but for the UID if the runtime has nothing of it.
func (r *Runtime) Status(uid types.UID) *PodStatus {
	s := &PodStatus{UID: uid}
	if p := r.pods[uid]; p != nil {
		p.snapshot(s)
	}
	return s
}

// Pods returns the UIDs of all pods that the runtime has something of, sorted.
func (r *Runtime) Pods() []types.UID {
	out := make([]types.UID, 0, len(r.pods))
	for uid := range r.pods { //sim:unordered sorted below
		out = append(out, uid)
	}
	slices.Sort(out)
	return out
}

// call is a request whose caller waits for the answer.
type call struct {
	runtime     *Runtime
	caller      *host.Process
	incarnation uint32
	fail        func(error)
	answered    bool
}

// begin books a call, or fails it at once if containerd is down.
func (r *Runtime) begin(caller *host.Process, fail func(error)) *call {
	c := &call{runtime: r, caller: caller, incarnation: caller.Incarnation(), fail: fail}
	if !r.daemon.IsUp() {
		c.end(ErrUnavailable)
		return nil
	}
	r.calls = append(r.calls, c)
	return c
}

// answer runs fn in the caller's process, unless its incarnation has ended.
func (c *call) answer(fn func()) {
	if c.answered {
		return
	}
	c.answered = true
	if i := slices.Index(c.runtime.calls, c); i >= 0 {
		c.runtime.calls = slices.Delete(c.runtime.calls, i, i+1)
	}
	if c.caller.IsUp() && c.caller.Incarnation() == c.incarnation {
		c.caller.After(0, fn)
	}
}

func (c *call) end(err error) { c.answer(func() { c.fail(err) }) }

// observer hears what happens to the machine.
type observer Runtime

// ProcessDown breaks the calls that containerd was working on; without their shims all containers are killed.
func (o *observer) ProcessDown(p *host.Process) {
	r := (*Runtime)(o)
	switch p {
	case r.daemon:
		for _, c := range slices.Clone(r.calls) {
			c.end(ErrUnavailable)
		}
	case r.shims:
		r.killAll(p.Wall())
	}
}

// MachineDown ends every container in silence.
func (o *observer) MachineDown(*host.Machine) {
	o.lost, o.calls = true, nil
}

func (o *observer) ProcessPaused(*host.Process)  {}
func (o *observer) ProcessResumed(*host.Process) {}
func (o *observer) MachineUp(*host.Machine)      {}
