package kubelet

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/cluster/metrics"
	"github.com/fauxkube/fauxkube/cluster/runtime"
	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

const userAgent = "kubelet/" + kubeletVersion + " (linux/amd64) kubernetes"

// Kubelet is one incarnation of a node's kubelet.
type Kubelet struct {
	process *host.Process
	config  Config
	machine *Node
	runtime *runtime.Runtime

	client    *client.Client // everything but heartbeats
	heartbeat *client.Client
	recorder  *client.Recorder
	lastEvent moment
	informers informers
	draws     *sim.Stream
	ops       operations
	kinds     kinds
	metrics   instruments

	// base is where the periodic loops are counted from: the start, moved back by a draw, so that the nodes of a cluster
	// are not in step.
	base    moment
	started moment
	nodeRef *corev1.ObjectReference

	node     nodeKeeper
	lease    leaseKeeper
	source   podSource
	workers  map[types.UID]*worker
	pleg     pleg
	statuses statusManager
	probes   prober
	puller   puller
	objects  objectCache
	crashes  *backoff
	sweep    sweep
	devices  deviceManager
}

type operations struct{ sync, status, probe, relist host.Op }

type kinds struct{ requeue, relist, probe, lease, node, status sim.Kind }

type instruments struct {
	podStart    *metrics.Histogram
	started     *metrics.Counter
	startErrors *metrics.Counter
	statusSync  *metrics.Histogram
}

// start runs a kubelet in the current incarnation of p.
func start(p *host.Process, c Config, n *Node) *Kubelet {
	c.Capacity = fullCapacity(c.Capacity)
	k := &Kubelet{
		process: p, config: c, machine: n, runtime: n.Runtime, draws: p.Stream("kubelet/" + c.NodeName),
		started: p.Monotonic(), workers: map[types.UID]*worker{}, crashes: newBackoff(crashBackoff, crashBackoffMax),
		nodeRef: &corev1.ObjectReference{Kind: "Node", Name: c.NodeName, UID: types.UID(c.NodeName)},
	}
	k.base = k.started.Add(-time.Duration(k.draws.Int63n(purposeHeartbeat, int64(statusPeriod))))
	k.register()
	k.connect()
	k.pleg = pleg{kubelet: k}
	k.statuses = newStatusManager(k)
	k.probes = newProber(k)
	k.puller = newPuller(k)
	k.objects = newObjectCache(k)
	k.sweep = sweep{kubelet: k}
	k.devices = newDeviceManager(k)
	if c.PodCIDR != "" {
		k.setPodCIDR(c.PodCIDR)
	}
	k.node.kubelet = k
	k.listen()
	k.record(k.nodeRef, corev1.EventTypeNormal, "Starting", "Starting kubelet.")
	k.node.prepare(k)
	k.source.start(k)
	k.node.start(k)
	k.lease.start(k)
	return k
}

// register resolves operations, kinds of events and metrics.
func (k *Kubelet) register() {
	p := k.process
	k.ops = operations{sync: p.Op("kubelet.sync"), status: p.Op("kubelet.status"), probe: p.Op("kubelet.probe"), relist: p.Op("kubelet.relist")}
	k.kinds = kinds{
		requeue: p.Kind("kubelet.requeue", requeueDue), relist: p.Kind("kubelet.relist", relistDue),
		probe: p.Kind("kubelet.probe", probeDue), lease: p.Kind("kubelet.lease", leaseDue), node: p.Kind("kubelet.node", nodeDue), status: p.Kind("kubelet.status", statusDue),
	}
	r := k.config.Metrics
	if r == nil {
		r = metrics.NewRegistry()
	}
	k.metrics = instruments{
		podStart: r.Histogram("kubelet_pod_start_duration_seconds"), started: r.Counter("kubelet_started_containers_total"),
		startErrors: r.Counter("kubelet_started_containers_errors_total"), statusSync: r.Histogram("kubelet_pod_status_sync_duration_seconds"),
	}
}

// connect makes the kubelet's three clients: for work, for heartbeats (without a rate limit, and with a time-out), and
// for events (cmd/kubelet/app/server.go).
func (k *Kubelet) connect() {
	base := client.Config{
		Network: k.config.Network, Server: k.config.Server, UserAgent: userAgent, User: nodeUser(k.config.NodeName), Metrics: k.config.Metrics,
	}
	work, heartbeat, events := base, base, base
	qpsMilli, burst := int64(kubeQPSMilli), kubeBurst
	if k.config.QPSMilli != 0 {
		qpsMilli, burst = k.config.QPSMilli, k.config.Burst
	}
	work.Limiter = client.NewTokenBucket(k.process, qpsMilli, burst)
	heartbeat.Timeout = statusPeriod
	events.Limiter = client.NewTokenBucket(k.process, eventQPSMilli, eventBurst)
	k.client = client.New(k.process, work)
	k.heartbeat = client.New(k.process, heartbeat)
	k.recorder = client.NewRecorder(client.New(k.process, events), k.process, "kubelet", k.config.NodeName)
}

// now reads the node's monotonic clock.
func (k *Kubelet) now() moment { return k.process.Monotonic() }

// wall is the node's time of day as the API keeps it.
func (k *Kubelet) wall() metav1.Time { return client.Now(k.process) }

// untilTick returns the time to the next turn of a periodic loop.
func (k *Kubelet) untilTick(period time.Duration) time.Duration {
	return period - k.now().Sub(k.base)%period
}

// lastTick returns when a periodic loop last ran.
func (k *Kubelet) lastTick(period time.Duration) moment {
	now := k.now()
	return now.Add(-(now.Sub(k.base) % period))
}

// jittered returns d and up to a part of it more.
func (k *Kubelet) jittered(purpose sim.Purpose, d time.Duration, part int64) time.Duration {
	if int64(d) < part {
		return d
	}
	return d + time.Duration(k.draws.Int63n(purpose, int64(d)/part))
}

// listen hears from the runtime that something happened to a pod, or with "" to the network.
func (k *Kubelet) listen() {
	p, incarnation := k.process, k.process.Incarnation()
	k.runtime.OnChange(func(uid types.UID) {
		switch {
		case !p.IsUp() || p.Incarnation() != incarnation:
		case uid == "":
			k.runtimeChanged()
		default:
			k.pleg.mark(uid)
		}
	})
}

// eventSpacing keeps events apart: their names are made of the object's name and the time, and no two statements of a
// real program run at the same nanosecond.
const eventSpacing = time.Microsecond

// record records an event about an object or a part of one.
func (k *Kubelet) record(obj apiruntime.Object, eventType, reason, message string) {
	now := k.now()
	at := max(now, k.lastEvent.Add(eventSpacing))
	k.lastEvent = at
	if at == now {
		k.recorder.Event(obj, eventType, reason, message)
		return
	}
	k.process.After(at.Sub(now), func() { k.recorder.Event(obj, eventType, reason, message) })
}

// event records an event about a pod.
func (k *Kubelet) event(pod *corev1.Pod, eventType, reason, message string) {
	k.record(pod, eventType, reason, message)
}

// containerEvent records an event about a container of a pod.
func (k *Kubelet) containerEvent(pod *corev1.Pod, c *corev1.Container, eventType, reason, message string) {
	path := "spec.containers{" + c.Name + "}"
	for i := range pod.Spec.InitContainers {
		if pod.Spec.InitContainers[i].Name == c.Name {
			path = "spec.initContainers{" + c.Name + "}"
		}
	}
	k.record(client.PartReference(pod, path), eventType, reason, message)
}
