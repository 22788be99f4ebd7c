package observe

import (
	"cmp"
	"math"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster"
	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// SampleInterval is how far the samples of a Usage are apart.
const SampleInterval = 10 * time.Second

// Usage follows what pods ask of the nodes that they are bound to, and how long they wait for one. It looks at requests,
// since these are what a scheduler decides by. Control-plane nodes are left out; a node is in use while a pod is bound
// to it that is neither static nor a DaemonSet's and has not ended.
type Usage struct {
	nodes map[string]*nodeUse
	pods  map[string]*podUse
	sum   sums
	// missing is how many replicas of each workload are not available, by key.
	missing map[string]int64
	// types counts what pods have asked for, the typical pods of the fragmentation measure.
	types map[amounts]int64

	begun  bool
	origin sim.Time
	now    sim.Time
	totals totals
	result UsageSummary
}

type nodeUse struct {
	known    bool // the Node object is there, and it is no control-plane node
	capacity amounts
	used     amounts
	pods     int64
	price    price
}

type podUse struct {
	created    sim.Time
	node       *nodeUse
	request    amounts
	pending    bool // has been without a node, and is
	counted    bool // on its node
	background bool // static or a DaemonSet's
	preempted  bool
}

// sums are over all nodes. All of them are whole numbers, so that nothing is lost however often a node changes.
type sums struct {
	nodes, inUse             int64
	microDollars, milliwatts int64
	capacity, used           amounts
	capacityInUse, usedThere amounts
	share, squares           int64 // of thousandths of nodes' scarce resource, and their squares
	pending, missing         int64
}

// UsageSample is the state at one instant after step time 0.
type UsageSample struct {
	After               time.Duration
	Allocation          float64 // percent
	NodesInUse, Pending int64
}

// UsageSummary is a run from step time 0 to its end.
type UsageSummary struct {
	// Means over the time: percent of the scarce resource, points, nodes, dollars an hour and watts.
	Allocation, PackingDensity, Fragmentation, Imbalance float64
	NodesInUse, CostPerHour, Watts                       float64
	// Unavailability is the integral of the replicas that were desired and not available, in seconds.
	Unavailability float64
	// Waits are how long pods were without a node, sorted; those that never got one waited until the end.
	Waits       []time.Duration
	Preemptions int
	Samples     []UsageSample
	// Pods, and those without a node, at the end; and what was asked for on nodes then.
	Pods, Unscheduled                     int
	UsedCPUMilli, UsedBytes, UsedGPUMilli int64
}

// totals are integrals over the time.
type totals struct {
	seconds, inUseSeconds                                                       float64
	allocation, density, balance, nodes, dollars, watts, fragmentation, samples float64
}

// NewUsage counts from nothing: it must see every commit.
func NewUsage() *Usage {
	return &Usage{nodes: map[string]*nodeUse{}, pods: map[string]*podUse{}, missing: map[string]int64{}, types: map[amounts]int64{}}
}

// Begin is step time 0.
func (u *Usage) Begin(now sim.Time) { u.begun, u.origin, u.now = true, now, now }

// Commit takes over a commit.
func (u *Usage) Commit(c cluster.Commit) {
	u.advance(c.At)
	for i := range c.Changes {
		switch change := &c.Changes[i]; change.Resource {
		case api.Nodes:
			node, _ := change.New.(*corev1.Node)
			u.setNode(change.Key, node)
		case api.Pods:
			pod, _ := change.New.(*corev1.Pod)
			u.setPod(change.Key, pod, c.At)
		case api.Deployments, api.StatefulSets:
			u.setWorkload(change.Resource.Name+"/"+change.Key, change.New)
		}
	}
}

// setNode takes over what is new about a node; nil is one that is gone.
func (u *Usage) setNode(name string, node *corev1.Node) {
	n := u.node(name)
	u.change(n, func() {
		n.known = node != nil && !isControlPlane(node)
		if n.known {
			n.capacity = capacityOf(node.Status.Allocatable)
			n.price = priceOf(node.Labels, n.capacity)
		}
	})
	if node == nil {
		delete(u.nodes, name) // Its pods keep it until they are gone.
	}
}

// setWorkload takes over what is new about a Deployment or StatefulSet; nil is one that is gone.
func (u *Usage) setWorkload(key string, object api.Object) {
	var desired *int32
	var available int32
	switch w := object.(type) {
	case *appsv1.Deployment:
		desired, available = w.Spec.Replicas, w.Status.AvailableReplicas
	case *appsv1.StatefulSet:
		desired, available = w.Spec.Replicas, w.Status.AvailableReplicas
	}
	now := int64(0)
	if desired != nil {
		now = max(0, int64(*desired)-int64(available))
	}
	u.sum.missing += now - u.missing[key]
	u.missing[key] = now
}

func isControlPlane(n *corev1.Node) bool {
	_, is := n.Labels["node-role.kubernetes.io/control-plane"]
	return is
}

func (u *Usage) node(name string) *nodeUse {
	n := u.nodes[name]
	if n == nil {
		n = &nodeUse{}
		u.nodes[name] = n
	}
	return n
}

// change lets a node be changed and keeps the sums true.
func (u *Usage) change(n *nodeUse, do func()) {
	u.sum.count(n, -1)
	do()
	u.sum.count(n, 1)
}

func (s *sums) count(n *nodeUse, sign int64) {
	if !n.known {
		return
	}
	share := n.share()
	s.nodes += sign
	s.capacity.add(n.capacity, sign)
	s.used.add(n.used, sign)
	s.share += sign * (share / 1000)
	s.squares += sign * (share / 1000) * (share / 1000)
	if n.pods > 0 {
		s.inUse += sign
		s.microDollars += sign * n.price.microDollars
		s.milliwatts += sign * n.price.watts(share)
		s.capacityInUse.add(n.capacity, sign)
		s.usedThere.add(n.used, sign)
	}
}

// share is how much of the node's GPUs, or CPUs where it has none, is asked for, in millionths.
func (n *nodeUse) share() int64 {
	gpus := n.capacity.gpu > 0
	return n.used.scarce(gpus) * million / max(n.capacity.scarce(gpus), 1)
}

// setPod takes over what is new about a pod; nil is one that is gone.
func (u *Usage) setPod(key string, pod *corev1.Pod, now sim.Time) {
	p := u.pods[key]
	if pod == nil {
		if p != nil {
			u.forget(key, p, now)
		}
		return
	}
	if p == nil {
		p = &podUse{created: now, background: isBackground(pod), request: requestOf(pod)}
		u.pods[key] = p
		if !p.background {
			u.types[p.request]++
		}
		if p.pending = pod.Spec.NodeName == ""; p.pending {
			u.sum.pending++
		}
	}
	if pod.Spec.NodeName != "" && p.node == nil {
		p.node = u.node(pod.Spec.NodeName)
		u.waited(p, now)
	}
	if p.node != nil && p.counted == api.IsPodTerminal(pod) {
		u.count(p, !p.counted)
	}
	if !p.preempted && isPreempted(pod) {
		p.preempted = true
		u.result.Preemptions++
	}
}

// forget takes a pod away.
func (u *Usage) forget(key string, p *podUse, now sim.Time) {
	if p.counted {
		u.count(p, false)
	}
	u.waited(p, now)
	delete(u.pods, key)
}

// count puts a pod onto its node's account, or takes it from there.
func (u *Usage) count(p *podUse, on bool) {
	p.counted = on
	sign := int64(1)
	if !on {
		sign = -1
	}
	u.change(p.node, func() {
		p.node.used.add(p.request, sign)
		if !p.background {
			p.node.pods += sign
		}
	})
}

// waited ends a pod's time without a node, if it had one: pods may be made with a node.
func (u *Usage) waited(p *podUse, until sim.Time) {
	if !p.pending {
		return
	}
	p.pending = false
	u.sum.pending--
	u.result.Waits = append(u.result.Waits, until.Duration()-p.created.Duration())
}

func isBackground(pod *corev1.Pod) bool {
	owner := metav1.GetControllerOfNoCopy(pod)
	return pod.Annotations[corev1.MirrorPodAnnotationKey] != "" || owner != nil && owner.Kind == "DaemonSet"
}

func isPreempted(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Reason == corev1.PodReasonPreemptionByScheduler
	})
}

// advance adds up the time until now, in which nothing has changed.
func (u *Usage) advance(now sim.Time) {
	if !u.begun || now <= u.now {
		return
	}
	first := (u.now.Duration() - u.origin.Duration() + SampleInterval - 1) / SampleInterval * SampleInterval
	for after := first; after < now.Duration()-u.origin.Duration(); after += SampleInterval {
		u.sample(after)
	}
	seconds := (now.Duration() - u.now.Duration()).Seconds()
	u.now = now
	t := &u.totals
	t.seconds += seconds
	t.allocation += float64(u.sum.allocation() * seconds)
	t.balance += float64(u.sum.balance() * seconds)
	t.nodes += float64(float64(u.sum.inUse) * seconds)
	t.dollars += float64(float64(u.sum.microDollars) / 1e6 * seconds)
	u.result.Unavailability += float64(float64(u.sum.missing) * seconds)
	t.watts += float64(float64(u.sum.milliwatts) / 1e3 * seconds)
	if u.sum.inUse > 0 {
		t.inUseSeconds += seconds
		t.density += float64(u.sum.density() * seconds)
	}
}

// sample takes down the state that an instant begins with.
func (u *Usage) sample(after time.Duration) {
	u.totals.samples++
	u.totals.fragmentation += u.fragmentation()
	u.result.Samples = append(u.result.Samples, UsageSample{after, u.sum.allocation(), u.sum.inUse, u.sum.pending})
}

func percent(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// allocation is how much of the scarce resource is asked for, in percent.
func (s *sums) allocation() float64 {
	gpus := s.capacity.gpu > 0
	return percent(s.used.scarce(gpus), s.capacity.scarce(gpus))
}

// density is the same of the nodes in use alone.
func (s *sums) density() float64 {
	gpus := s.capacity.gpu > 0
	return percent(s.usedThere.scarce(gpus), s.capacityInUse.scarce(gpus))
}

// balance is the deviation of the nodes' shares, in points.
func (s *sums) balance() float64 {
	if s.nodes == 0 {
		return 0
	}
	mean := float64(s.share) / float64(s.nodes)
	return math.Sqrt(max(0, float64(s.squares)/float64(s.nodes)-float64(mean*mean))) / 10
}

// fragmentation is how much of the scarce resource is free, but of no use to a pod drawn from those that have been
// created: the expectation that the FGD paper defines for GPUs (USENIX ATC 2023, section 4), in percent of the capacity.
func (u *Usage) fragmentation() float64 {
	gpus := u.sum.capacity.gpu > 0
	var pods, useless int64
	for request, count := range u.types { //sim:unordered sums of whole numbers
		if request.scarce(gpus) == 0 {
			continue
		}
		pods += count
		for _, n := range u.nodes { //sim:unordered sums of whole numbers
			if free := n.free(); n.known && !free.holds(request) {
				useless += count * max(0, free.scarce(gpus))
			}
		}
	}
	return percent(useless, max(pods, 1)*u.sum.capacity.scarce(gpus))
}

func (n *nodeUse) free() amounts {
	free := n.capacity
	free.add(n.used, -1)
	return free
}

// Finish sums up; now is the end of the run.
func (u *Usage) Finish(now sim.Time) UsageSummary {
	u.advance(now)
	r, t := &u.result, &u.totals
	mean := func(total, seconds float64) float64 { return total / max(seconds, math.SmallestNonzeroFloat64) }
	r.Allocation, r.Imbalance = mean(t.allocation, t.seconds), mean(t.balance, t.seconds)
	r.NodesInUse, r.CostPerHour, r.Watts = mean(t.nodes, t.seconds), mean(t.dollars, t.seconds), mean(t.watts, t.seconds)
	r.PackingDensity, r.Fragmentation = mean(t.density, t.inUseSeconds), mean(t.fragmentation, t.samples)
	for _, p := range u.pods { //sim:unordered counts, and what is sorted below
		if !p.background {
			r.Pods++
		}
		if p.node == nil {
			r.Unscheduled++
			u.waited(p, now)
		}
	}
	slices.SortFunc(r.Waits, cmp.Compare)
	r.UsedCPUMilli, r.UsedBytes, r.UsedGPUMilli = u.sum.used.cpu, u.sum.used.memory, u.sum.used.gpu
	return *r
}
