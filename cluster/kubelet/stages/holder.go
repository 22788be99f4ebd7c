package stages

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
	"github.com/fauxkube/fauxkube/sim"
)

// The renewal of node leases: a quarter of the duration, with .04 of jitter (controllers/controller.go); a lease whose
// namespace is missing is tried again after a second (controllers/node_lease_controller.go).
const (
	renewEvery       = leaseDuration / 4
	renewJitterPart  = 25
	namespaceMissing = time.Second
)

// holder keeps the leases of the managed nodes.
type holder struct {
	controller *Controller
	queue      *queue[*held]
	nodes      map[string]*held
	identity   string
	seconds    int32
}

// held is one node's lease. Its job is allocated once and goes round.
type held struct {
	job    job[*held]
	node   string
	first  bool // no lease was held yet
	wanted bool
}

func newHolder(k *Controller) *holder {
	h := &holder{controller: k, nodes: map[string]*held{}, identity: k.config.Identity, seconds: int32(leaseDuration / time.Second)}
	h.queue = newQueue(k.process, "lease", leaseWorkers, h.sync)
	return h
}

func (h *holder) lease(node string) *coordinationv1.Lease {
	o, ok := h.controller.leases.Get(corev1.NamespaceNodeLease, node)
	if !ok {
		return nil
	}
	return o.(*coordinationv1.Lease)
}

func (h *holder) holds(node string) bool {
	l := h.lease(node)
	return l != nil && l.Spec.HolderIdentity != nil && *l.Spec.HolderIdentity == h.identity
}

// tryHold begins to hold a node's lease.
func (h *holder) tryHold(node string) {
	if l := h.nodes[node]; l != nil && l.wanted {
		return
	}
	l := &held{node: node, first: true, wanted: true}
	h.nodes[node] = l
	h.again(l, 0, 0)
}

func (h *holder) release(node string) {
	if l := h.nodes[node]; l != nil {
		l.wanted = false
		h.queue.cancel(&l.job)
		delete(h.nodes, node)
	}
}

// renewNow renews ahead of time.
func (h *holder) renewNow(node string) {
	if l := h.nodes[node]; l != nil && l.job.timer != (sim.Timer{}) {
		h.queue.cancel(&l.job)
		h.again(l, 0, 0)
	}
}

func (h *holder) again(l *held, weight int, d time.Duration) {
	l.job = job[*held]{item: l, weight: weight, queue: h.queue}
	h.queue.start(&l.job, d)
}

// sync is a worker's turn: create, take over or renew.
func (h *holder) sync(l *held, finished func()) {
	if !l.wanted {
		finished()
		return
	}
	interval := renewEvery + time.Duration(h.controller.draws.Int63n(purposeLease, int64(renewEvery/renewJitterPart)))
	if h.controller.config.Down.has(l.node) {
		h.again(l, 1, interval)
		finished()
		return
	}
	lease := h.lease(l.node)
	now := client.NowMicro(h.controller.process)
	switch {
	case lease == nil:
		h.create(l, now, interval, finished)
	case !h.free(lease, now):
		h.again(l, 1, interval)
		finished()
	default:
		h.renew(l, lease, now, interval, finished)
	}
}

// free reports whether the lease is ours, nobody's, or expired.
func (h *holder) free(lease *coordinationv1.Lease, now metav1.MicroTime) bool {
	s := &lease.Spec
	if s.HolderIdentity == nil || *s.HolderIdentity == h.identity || s.RenewTime == nil || s.LeaseDurationSeconds == nil {
		return true
	}
	return s.RenewTime.Add(time.Duration(*s.LeaseDurationSeconds) * time.Second).Before(now.Time)
}

func (h *holder) create(l *held, now metav1.MicroTime, interval time.Duration, finished func()) {
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: l.node, Namespace: corev1.NamespaceNodeLease, OwnerReferences: h.owner(l.node)},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &h.identity, LeaseDurationSeconds: &h.seconds, RenewTime: &now},
	}
	r := &api.Request{Verb: api.VerbCreate, Resource: api.Leases, Namespace: corev1.NamespaceNodeLease, Name: l.node, Object: lease}
	h.controller.client.Start(r, func(response *api.Response, err error) {
		switch {
		case apierrors.IsNotFound(err): // the worker itself sleeps: KWOK blocks it
			h.controller.process.After(namespaceMissing, func() { h.create(l, client.NowMicro(h.controller.process), interval, finished) })
			return
		case err != nil:
			h.again(l, 1, interval)
		default:
			h.held(l, true, interval)
		}
		finished()
	})
}

func (h *holder) owner(node string) []metav1.OwnerReference {
	n, ok := h.controller.node(node)
	if !ok {
		return nil
	}
	return []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: n.Name, UID: n.UID}}
}

func (h *holder) renew(l *held, lease *coordinationv1.Lease, now metav1.MicroTime, interval time.Duration, finished func()) {
	next := &struct {
		lease coordinationv1.Lease
		now   metav1.MicroTime
	}{*lease, now} // one allocation: the lease and the time that it points to
	s := &next.lease.Spec
	taken := s.HolderIdentity == nil || *s.HolderIdentity != h.identity
	if taken {
		transitions := api.Deref(s.LeaseTransitions, 0) + 1
		s.HolderIdentity, s.LeaseDurationSeconds, s.LeaseTransitions = &h.identity, &h.seconds, &transitions
	}
	s.RenewTime = &next.now
	if len(next.lease.OwnerReferences) == 0 {
		next.lease.OwnerReferences = h.owner(l.node)
	}
	r := &api.Request{Verb: api.VerbUpdate, Resource: api.Leases, Namespace: corev1.NamespaceNodeLease, Name: l.node, Object: &next.lease}
	h.controller.client.Start(r, func(_ *api.Response, err error) {
		if err != nil {
			h.again(l, 1, interval)
		} else {
			h.held(l, taken, interval)
		}
		finished()
	})
}

// held books a success and plans the next renewal.
func (h *holder) held(l *held, taken bool, interval time.Duration) {
	first := l.first
	l.first = false
	if l.wanted {
		h.again(l, 2, interval)
	}
	if first || taken {
		h.controller.nodeManaged(l.node)
	}
}
