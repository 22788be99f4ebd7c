package kubelet

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fauxkube/fauxkube/cluster/kubelet/podstatus"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
)

// result is what a container's probe counts as.
type result uint8

const (
	unknown result = iota
	success
	failure
)

// prober runs the probes of all pods, each on its own timer.
type prober struct {
	kubelet *Kubelet
	workers map[probeKey]*probeWorker
	results map[resultKey]result
}

type probeKey struct {
	pod       types.UID
	container string
	kind      runtime.Probe
}

type resultKey struct {
	id   string // container, as the API shows it
	kind runtime.Probe
}

func newProber(k *Kubelet) prober {
	return prober{kubelet: k, workers: map[probeKey]*probeWorker{}, results: map[resultKey]result{}}
}

// probeWorker is one probe of one container of a pod.
type probeWorker struct {
	kubelet   *Kubelet
	key       probeKey
	pod       *worker
	container *corev1.Container
	spec      *corev1.Probe
	timer     sim.Timer
	id        string // the container that results are for
	tally     tally
	onHold    bool // until a new container replaces the one that failed
	triggered bool
}

// add starts the probes of a pod that are not running yet.
func (p *prober) add(w *worker) {
	for i := range w.pod.Spec.Containers {
		p.addContainer(w, &w.pod.Spec.Containers[i])
	}
	for i := range w.pod.Spec.InitContainers {
		if c := &w.pod.Spec.InitContainers[i]; podstatus.IsSidecar(c) {
			p.addContainer(w, c)
		}
	}
}

func (p *prober) addContainer(w *worker, c *corev1.Container) {
	for _, probe := range []struct {
		kind runtime.Probe
		spec *corev1.Probe
	}{{runtime.Startup, c.StartupProbe}, {runtime.Readiness, c.ReadinessProbe}, {runtime.Liveness, c.LivenessProbe}} {
		if probe.spec == nil {
			continue
		}
		key := probeKey{w.uid, c.Name, probe.kind}
		if p.workers[key] != nil {
			return // as the original: the container's probes were added together
		}
		n := &probeWorker{kubelet: p.kubelet, key: key, pod: w, container: c, spec: probe.spec}
		p.workers[key] = n
		n.start()
	}
}

// start begins probing. Just after the kubelet's own start the first probe waits for a part of the period, so that the
// probes of a whole node do not run at once.
func (n *probeWorker) start() {
	k := n.kubelet
	wait := time.Duration(0)
	if n.period() > k.now().Sub(k.started) {
		wait = time.Duration(k.draws.Int63n(purposeProbe, int64(n.period())))
	}
	n.arm(wait)
}

func (n *probeWorker) period() time.Duration {
	return max(time.Duration(n.spec.PeriodSeconds)*time.Second, time.Second)
}

func (n *probeWorker) arm(d time.Duration) {
	n.timer = n.kubelet.process.At(d, 0, n.kubelet.kinds.probe, 0, n)
}

func probeDue(_ uint64, ref any) {
	n := ref.(*probeWorker)
	n.triggered = false
	switch {
	case !n.probe():
		n.kubelet.probes.remove(n)
	case !n.triggered: // else the next turn is planned already
		n.arm(n.period())
	}
}

// trigger probes now, in place of the next turn.
func (n *probeWorker) trigger() {
	if n.triggered {
		return
	}
	n.triggered = true
	n.kubelet.process.Cancel(n.timer)
	n.arm(0)
}

func (p *prober) remove(n *probeWorker) {
	p.kubelet.process.Cancel(n.timer)
	if n.id != "" {
		delete(p.results, resultKey{n.id, n.key.kind})
	}
	if p.workers[n.key] == n {
		delete(p.workers, n.key)
	}
}

// stop ends a pod's probes: all of them, or those that could kill a container.
func (p *prober) stop(w *worker, all bool) {
	for _, list := range [][]corev1.Container{w.pod.Spec.Containers, w.pod.Spec.InitContainers} {
		for i := range list {
			for _, kind := range []runtime.Probe{runtime.Startup, runtime.Liveness, runtime.Readiness} {
				if n := p.workers[probeKey{w.uid, list[i].Name, kind}]; n != nil && (all || kind != runtime.Readiness) {
					p.remove(n)
				}
			}
		}
	}
}

// probe has a turn. It reports whether to go on.
func (n *probeWorker) probe() bool {
	k := n.kubelet
	status, known := k.statuses.get(n.key.pod)
	if !known {
		return true
	}
	if status.Phase == corev1.PodFailed || status.Phase == corev1.PodSucceeded {
		return false
	}
	c := containerStatus(status, n.key.container)
	if c == nil || c.ContainerID == "" {
		return true
	}
	n.follow(c)
	switch {
	case n.onHold:
		return true
	case c.State.Running == nil:
		n.set(failure)
		return c.State.Terminated == nil || podstatus.RestartsAfter(n.container, &n.pod.pod.Spec, c.State.Terminated.ExitCode)
	case n.pod.pod.DeletionTimestamp != nil && n.key.kind != runtime.Readiness:
		n.set(success)
		return false
	case n.tooEarly(c), (c.Started != nil && *c.Started) == (n.key.kind == runtime.Startup):
		return true
	}
	n.count(n.ask(status))
	return true
}

func containerStatus(s *corev1.PodStatus, name string) *corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{s.ContainerStatuses, s.InitContainerStatuses} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}

// follow turns to a new container of the name, with the probe's initial value. One that ran before this kubelet started
// keeps what is reported of it.
func (n *probeWorker) follow(c *corev1.ContainerStatus) {
	if n.id == c.ContainerID {
		return
	}
	if n.id != "" {
		delete(n.kubelet.probes.results, resultKey{n.id, n.key.kind})
	}
	n.id, n.onHold = c.ContainerID, false
	if !n.kubelet.ranBefore(c) {
		n.set([]result{runtime.Readiness: failure, runtime.Liveness: success, runtime.Startup: unknown}[n.key.kind])
	}
}

// ranBefore reports whether a container was already running when this kubelet started.
func (k *Kubelet) ranBefore(c *corev1.ContainerStatus) bool {
	if c.State.Running == nil || c.State.Running.StartedAt.IsZero() {
		return false
	}
	began := k.process.Wall().Time().Add(-k.now().Sub(k.started))
	return c.State.Running.StartedAt.Time.Before(began.Add(-restartGrace))
}

func (n *probeWorker) tooEarly(c *corev1.ContainerStatus) bool {
	up := n.kubelet.process.Wall().Time().Sub(c.State.Running.StartedAt.Time)
	return int32(up/time.Second) < n.spec.InitialDelaySeconds
}

// ask probes the container.
func (n *probeWorker) ask(status *corev1.PodStatus) result {
	k := n.kubelet
	// The cost is charged beside the answer: the prober's own time is no part of what it measures here.
	k.process.ChargeFunc(k.ops.probe, 1, func() {})
	id := n.id[len(podstatus.ContainerID("")):]
	if k.runtime.Answers(n.key.pod, id, n.key.kind) {
		return success
	}
	k.containerEvent(n.pod.pod, n.container, corev1.EventTypeWarning, "Unhealthy",
		fmt.Sprintf("%s probe failed: %s", probeNames[n.key.kind], n.complaint(status, id)))
	return failure
}

var probeNames = [...]string{runtime.Readiness: "Readiness", runtime.Liveness: "Liveness", runtime.Startup: "Startup"}

// complaint is what a failing probe says, by its handler.
func (n *probeWorker) complaint(status *corev1.PodStatus, id string) string {
	listening := n.kubelet.runtime.Listens(n.key.pod, id)
	h := &n.spec.ProbeHandler
	switch {
	case h.HTTPGet != nil && listening:
		return "HTTP probe failed with statuscode: 500"
	case h.HTTPGet != nil:
		address := n.address(h.HTTPGet.Host, status.PodIP, h.HTTPGet.Port)
		scheme := "http"
		if h.HTTPGet.Scheme == corev1.URISchemeHTTPS {
			scheme = "https"
		}
		return fmt.Sprintf("Get %q: dial tcp %s: connect: connection refused", scheme+"://"+address+h.HTTPGet.Path, address)
	case h.TCPSocket != nil:
		return fmt.Sprintf("dial tcp %s: connect: connection refused", n.address(h.TCPSocket.Host, status.PodIP, h.TCPSocket.Port))
	case h.GRPC != nil:
		return fmt.Sprintf("timeout: failed to connect service %q within %v: context deadline exceeded",
			fmt.Sprintf("%s:%d", status.PodIP, h.GRPC.Port), time.Duration(n.spec.TimeoutSeconds)*time.Second)
	}
	return ""
}

// address resolves a probe's host and port; a named port is looked up in the container.
func (n *probeWorker) address(host, podIP string, port intstr.IntOrString) string {
	if host == "" {
		host = podIP
	}
	number := port.IntVal
	if port.Type == intstr.String {
		for _, p := range n.container.Ports {
			if p.Name == port.StrVal {
				number = p.ContainerPort
			}
		}
	}
	return fmt.Sprintf("%s:%d", host, number)
}

// tally counts answers of a kind in a row.
type tally struct {
	last result
	run  int32
}

// add books an answer and reports whether it counts: so many in a row make it count.
func (t *tally) add(r result, failures, successes int32) bool {
	if t.last == r {
		t.run++
	} else {
		t.last, t.run = r, 1
	}
	threshold := successes
	if r == failure {
		threshold = failures
	}
	return t.run >= max(threshold, 1)
}

// count books an answer; one that counts is published. A container that is to be restarted, or has started, is not
// probed any more for that.
func (n *probeWorker) count(r result) {
	if !n.tally.add(r, n.spec.FailureThreshold, n.spec.SuccessThreshold) {
		return
	}
	n.set(r)
	if n.key.kind == runtime.Liveness && r == failure || n.key.kind == runtime.Startup {
		n.onHold, n.tally.run = true, 0
	}
}

// set publishes a result; a change reaches the pod's status and its worker.
func (n *probeWorker) set(r result) {
	if n.id == "" {
		return
	}
	p := &n.kubelet.probes
	key := resultKey{n.id, n.key.kind}
	if is, has := p.results[key]; has && is == r {
		return
	}
	p.results[key] = r
	k := n.kubelet
	switch n.key.kind {
	case runtime.Readiness:
		k.statuses.setReady(n.pod, n.id, r == success)
	case runtime.Startup:
		k.statuses.setStarted(n.pod, n.id, r == success)
	default:
		if r != failure {
			return
		}
	}
	k.resync(n.pod)
}

// verdict implements verdicts for a container's runtime identifier.
func (p *prober) verdict(kind runtime.Probe, containerID string) (result, bool) {
	r, has := p.results[resultKey{podstatus.ContainerID(containerID), kind}]
	return r, has
}

// podProbes answers for one pod what its status needs to know.
type podProbes struct {
	prober *prober
	worker *worker
}

func (p *prober) of(w *worker) podProbes { return podProbes{p, w} }

// Started implements podstatus.Probes.
func (p podProbes) Started(c *corev1.ContainerStatus) bool {
	if r, has := p.prober.results[resultKey{c.ContainerID, runtime.Startup}]; has {
		return r == success
	}
	if c.Started != nil && *c.Started {
		return true
	}
	_, probed := p.prober.workers[probeKey{p.worker.uid, c.Name, runtime.Startup}]
	return !probed
}

// Ready implements podstatus.Probes. A readiness probe without a success runs at once.
func (p podProbes) Ready(c *corev1.ContainerStatus) bool {
	if p.prober.results[resultKey{c.ContainerID, runtime.Readiness}] == success {
		return true
	}
	n := p.prober.workers[probeKey{p.worker.uid, c.Name, runtime.Readiness}]
	k := p.prober.kubelet
	if n != nil {
		n.trigger()
	} else if spec := p.worker.spec(c.Name); spec == nil || spec.ReadinessProbe == nil {
		return true
	}
	if k.ranBefore(c) {
		if _, answered := p.prober.results[resultKey{c.ContainerID, runtime.Readiness}]; !answered {
			was := containerStatus(k.statuses.latest(p.worker.pod), c.Name)
			return was != nil && was.ContainerID == c.ContainerID && was.Ready
		}
	}
	return n == nil
}
