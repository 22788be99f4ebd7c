package queue

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fauxkube/fauxkube/cluster/scheduler/framework"
)

// Defaults of kube-scheduler (pkg/scheduler/backend/queue/scheduling_queue.go, pkg/scheduler/apis/config/v1/defaults.go).
const (
	DefaultInitialBackoff     = time.Second
	DefaultMaxBackoff         = 10 * time.Second
	DefaultMaxInUnschedulable = 5 * time.Minute
	// leftoverPeriod is how often upstream looks for pods that stayed too long in unschedulable.
	leftoverPeriod = 30 * time.Second
	// backoffWindow is the grain of back-off and the period of its flush.
	backoffWindow = time.Second
)

// Config is what a queue needs to know. Zero durations are the defaults; a negative MaxBackoff switches back-off off.
type Config struct {
	Less               func(a, b *framework.QueuedPodInfo) bool
	Now                func() framework.Time
	Symbols            *framework.Symbols
	Plugins            *framework.PluginNames
	Profiles           map[string]Profile // by schedulerName
	InitialBackoff     time.Duration
	MaxBackoff         time.Duration
	MaxInUnschedulable time.Duration
	// Pod reads the informer; nil if the pod is gone. It decides whether a nomination still means anything.
	Pod func(namespace, name string) *corev1.Pod
	// Ready is called when Pop has become worth calling.
	Ready func()
	// FlushAt is called with the next instant at which Flush must be called; always earlier than what was asked for before.
	FlushAt func(framework.Time)
	Metrics Metrics
	// PodGroups says that pods that name a group are scheduled with it. They wait out their back-off even when the scheduler is idle. Upstream's
	// queue of v1.36 knows no groups: there an idle scheduler pops a group that does not fit again at once, and does nothing else.
	PodGroups bool
}

// Profile is what a profile's plugins have to say about queueing.
type Profile struct {
	PreEnqueue []framework.PreEnqueuePlugin
	Enqueue    []framework.EnqueueExtensions
	// Sign gives a pod its signature, for batching; nil: none has one.
	Sign func(*corev1.Pod) string
}

// Metrics counts what happens. Queue names are those of scheduler_pending_pods.
type Metrics interface {
	Incoming(queue, event string)
	Pending(queue string, change int64)
	Unschedulable(plugin framework.PluginID, profile string, change int64)
}

// Names of the queues in metrics.
const (
	Active        = "active"
	Backoff       = "backoff"
	Unschedulable = "unschedulable"
	Gated         = "gated"
)

// Queue is the scheduling queue. Not safe for concurrent use.
type Queue struct {
	config Config
	start  framework.Time
	hints  map[string]*hintTable

	items         map[types.NamespacedName]*item
	active        heap
	backoff       heap
	errorBackoff  heap
	unschedulable pool
	inFlight      inFlight
	nominator     nominator

	sequence uint64
	cycle    int64
	flushAt  framework.Time // asked for; zero is none
	leftover framework.Time // the earliest instant at which a pod may have stayed too long; zero is none
}

// item is a pod in one of the places.
type item struct {
	info  *framework.QueuedPodInfo
	place place
	index int // in its heap
	// in the pool
	bucket     *bucket
	prev, next *item
	counted    string // queue name under which metrics count it
}

type place uint8

const (
	nowhere place = iota
	inActive
	inBackoff
	inErrorBackoff
	inUnschedulable
)

// New returns an empty queue.
func New(c Config) *Queue {
	if c.InitialBackoff == 0 {
		c.InitialBackoff = DefaultInitialBackoff
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = DefaultMaxBackoff
	}
	if c.MaxInUnschedulable == 0 {
		c.MaxInUnschedulable = DefaultMaxInUnschedulable
	}
	q := &Queue{
		config:   c,
		start:    c.Now(),
		hints:    buildHints(c.Profiles, c.Plugins),
		items:    map[types.NamespacedName]*item{},
		inFlight: newInFlight(),
	}
	q.nominator = newNominator(q)
	q.active.less = q.activeLess
	q.backoff.less = q.backoffLess
	q.errorBackoff.less = q.errorBackoffLess
	return q
}

func keyOf(pod *corev1.Pod) types.NamespacedName {
	return types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}
}

func (q *Queue) inGroup(pod *corev1.Pod) bool {
	return q.config.PodGroups && framework.GroupOf(pod) != ""
}

// Len returns how many pods wait, by place.
func (q *Queue) Len() (active, backoff, unschedulable int) {
	return q.active.len(), q.backoff.len() + q.errorBackoff.len(), q.unschedulable.count
}

// Waiting returns a waiting pod's entry, or nil.
func (q *Queue) Waiting(namespace, name string) *framework.QueuedPodInfo {
	if i := q.items[types.NamespacedName{Namespace: namespace, Name: name}]; i != nil {
		return i.info
	}
	return nil
}

// SchedulingCycle returns how many pods were popped so far.
func (q *Queue) SchedulingCycle() int64 { return q.cycle }

func (q *Queue) newEntry(pod *corev1.Pod) *framework.QueuedPodInfo {
	q.sequence++
	return &framework.QueuedPodInfo{
		PodInfo: q.config.Symbols.NewPodInfo(pod), Timestamp: q.config.Now(), Sequence: q.sequence, Signature: q.sign(pod),
	}
}

func (q *Queue) sign(pod *corev1.Pod) string {
	if sign := q.config.Profiles[pod.Spec.SchedulerName].Sign; sign != nil {
		return sign(pod)
	}
	return ""
}

// Add takes in a new pod.
func (q *Queue) Add(pod *corev1.Pod) {
	q.toActive(&item{info: q.newEntry(pod)}, framework.EventUnscheduledPodAdd.Label(), false)
}

// Update takes in a pod's newer version. A waiting pod is worth another attempt if a plugin that refused it says so; a pod in
// flight has the update logged.
func (q *Queue) Update(before, after *corev1.Pod) {
	events := framework.PodUpdates(before, after)
	if q.inFlight.has(after.UID) {
		for _, e := range events {
			q.inFlight.log(change{e, before, after})
		}
		return
	}
	i := q.items[keyOf(after)]
	if i == nil {
		q.toActive(&item{info: q.newEntry(after)}, framework.EventUnscheduledPodUpdate.Label(), false)
		return
	}
	q.replace(i, after)
	q.nominator.update(before, i.info.PodInfo)
	if i.place != inUnschedulable {
		q.heapOf(i.place).fix(i)
		return
	}
	for _, e := range events {
		where := q.requeue(i, q.worth(i.info, change{e, before, after}), e.Label())
		if where == inActive || where == inBackoff {
			return
		}
	}
}

// replace puts a newer version of the pod into its entry. Another pod of the same name starts from its spec.
func (q *Queue) replace(i *item, pod *corev1.Pod) {
	if i.info.Pod.UID == pod.UID {
		i.info.PodInfo = q.config.Symbols.With(i.info.PodInfo, pod)
	} else {
		i.info.PodInfo = q.config.Symbols.NewPodInfo(pod)
	}
	i.info.Signature = q.sign(pod)
}

// Delete forgets a pod.
func (q *Queue) Delete(pod *corev1.Pod) {
	q.nominator.remove(pod)
	i := q.items[keyOf(pod)]
	if i == nil {
		return
	}
	if i.place == inUnschedulable {
		q.countRejectors(i.info, -1)
	}
	q.take(i)
}

// Pop takes the next pod: from active, or from backoff if active is empty. Nil if both are. Done or AddUnschedulable must
// follow.
func (q *Queue) Pop() *framework.QueuedPodInfo {
	for {
		i := q.active.peek()
		if i == nil {
			if i = q.backoff.peek(); i == nil {
				return nil
			}
			q.config.Metrics.Incoming(Active, framework.PopFromBackoffQ)
		}
		q.take(i)
		i.info.Attempts++
		if q.inFlight.has(i.info.Pod.UID) {
			continue // tracked twice: the first is the one that counts
		}
		return q.fly(i)
	}
}

// fly notes that a pod is in flight from now on.
func (q *Queue) fly(i *item) *framework.QueuedPodInfo {
	q.inFlight.start(i.info.Pod.UID)
	q.cycle++
	q.countRejectors(i.info, -1)
	return i.info
}

// PopSpecific takes a pod out of the queue wherever it waits, as if it had been activated and popped; nil if it is gated, in flight or not
// there.
func (q *Queue) PopSpecific(pod *corev1.Pod) *framework.QueuedPodInfo {
	q.Activate(pod)
	i := q.items[keyOf(pod)]
	if i == nil || i.place != inActive {
		return nil
	}
	q.take(i)
	i.info.Attempts++
	if q.inFlight.has(i.info.Pod.UID) {
		return nil // tracked twice: the first is the one that counts
	}
	return q.fly(i)
}

// Done ends a popped pod's flight: nothing that happens from now on concerns this attempt.
func (q *Queue) Done(uid types.UID) { q.inFlight.end(uid) }

// AddUnschedulable takes back a popped pod that failed. It goes where the events since its start say.
func (q *Queue) AddUnschedulable(info *framework.QueuedPodInfo) error {
	defer q.Done(info.Pod.UID)
	if i := q.items[keyOf(info.Pod)]; i != nil {
		return fmt.Errorf("pod %s/%s is already present in the scheduling queue", info.Pod.Namespace, info.Pod.Name)
	}
	if info.Rejectors() == 0 {
		info.ConsecutiveErrors++
	} else {
		info.UnschedulableCount++
		info.ConsecutiveErrors = 0
	}
	q.sequence++
	info.Timestamp, info.Sequence = q.config.Now(), q.sequence
	info.BackoffExpiration = 0
	info.FlushedFromUnschedulable = false
	q.countRejectors(info, 1)
	q.requeue(&item{info: info}, q.worthAfterFlight(info), framework.ScheduleAttemptFailure)
	return nil
}

// Activate moves pods to active at once. A pod in flight will be tried again when it comes back.
func (q *Queue) Activate(pods ...*corev1.Pod) {
	for _, pod := range pods {
		i := q.items[keyOf(pod)]
		switch {
		case i != nil && i.place != inActive:
			q.toActive(i, framework.ForceActivate, i.place != inUnschedulable)
		case q.inFlight.has(pod.UID):
			q.inFlight.log(change{framework.EventForceActivate, nil, pod})
		}
	}
}

// Move hands an event to the plugins that refused the unschedulable pods, and brings back the pods for which it may matter.
// A non-nil only limits it to some pods.
func (q *Queue) Move(event framework.ClusterEvent, before, after any, only func(*corev1.Pod) bool) {
	q.move(change{event, before, after}, only)
}

func (q *Queue) move(c change, only func(*corev1.Pod) bool) {
	interested, any := q.interested(c.event)
	if !any {
		return
	}
	for _, i := range q.unschedulable.candidates(interested, c.event.IsWildCard()) {
		if only != nil && !only(i.info.Pod) || i.info.Gated() && !interested.Has(i.info.GatingPlugin) {
			continue
		}
		if worth := q.worth(i.info, c); worth != skip {
			q.requeue(i, worth, c.event.Label())
		}
	}
	q.inFlight.logIfAny(c)
}
