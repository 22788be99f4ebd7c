package kubelet

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/cluster/client"
)

// The back-off while the lease cannot be had (component-helpers/apimachinery/lease).
const (
	ensureBackoff    = 200 * time.Millisecond
	ensureBackoffMax = 7 * time.Second
)

// leaseKeeper renews the node's lease in kube-node-lease. It keeps the lease as the server last returned it, so that a
// renewal is one request; a conflict makes it read the lease again.
type leaseKeeper struct {
	kubelet *Kubelet
	latest  *coordinationv1.Lease
	seconds int32
	holder  string
	tries   int
	backoff time.Duration
	answer  func(*api.Response, error) // renewed, bound once
}

func (l *leaseKeeper) start(k *Kubelet) {
	*l = leaseKeeper{kubelet: k, seconds: leaseSeconds, holder: k.config.NodeName}
	l.answer = l.renewed
	l.sync()
}

func leaseDue(_ uint64, ref any) { ref.(*Kubelet).lease.sync() }

// sync is one turn: renew what is held, else get hold of it.
func (l *leaseKeeper) sync() {
	l.tries = 0
	if l.latest != nil {
		l.renew()
		return
	}
	l.backoff = ensureBackoff
	l.ensure()
}

// rest ends a turn.
func (l *leaseKeeper) rest() {
	k := l.kubelet
	k.process.At(k.jittered(purposeHeartbeat, leasePeriod, heartbeatJitterPart), 0, k.kinds.lease, 0, k)
}

// renewal is a request and its body in one allocation. The time is not among them: the store keeps it, and would keep
// all of it.
type renewal struct {
	request api.Request
	lease   coordinationv1.Lease
}

func (l *leaseKeeper) renew() {
	if len(l.latest.OwnerReferences) == 0 {
		l.withOwner(func(owner []metav1.OwnerReference) {
			if owner == nil {
				l.renewed(nil, errCancelled)
				return
			}
			latest := api.Shallow(l.latest)
			latest.OwnerReferences = owner
			l.put(latest)
		})
		return
	}
	l.put(l.latest)
}

func (l *leaseKeeper) put(base *coordinationv1.Lease) {
	next := &renewal{lease: *base}
	next.lease.Spec.RenewTime = api.Ptr(client.NowMicro(l.kubelet.process))
	next.lease.Spec.LeaseDurationSeconds = &l.seconds
	next.request = api.Request{
		Verb: api.VerbUpdate, Resource: api.Leases, Namespace: corev1.NamespaceNodeLease, Name: l.holder, Object: &next.lease,
	}
	l.kubelet.heartbeat.Start(&next.request, l.answer)
}

// renewed takes the answer to a renewal.
func (l *leaseKeeper) renewed(r *api.Response, err error) {
	if err == nil {
		l.latest = r.Object.(*coordinationv1.Lease)
		l.rest()
		return
	}
	l.tries++
	switch {
	case apierrors.IsConflict(err) || l.tries >= leaseRetries:
		l.backoff = ensureBackoff
		l.ensure()
	default:
		l.renew()
	}
}

// ensure reads the lease, or creates it, and does not give up.
func (l *leaseKeeper) ensure() {
	r := &api.Request{Verb: api.VerbGet, Resource: api.Leases, Namespace: corev1.NamespaceNodeLease, Name: l.holder}
	l.kubelet.heartbeat.Start(r, func(r *api.Response, err error) {
		switch {
		case apierrors.IsNotFound(err):
			l.create()
		case err != nil:
			l.ensureLater()
		default:
			l.latest = r.Object.(*coordinationv1.Lease)
			if l.tries >= leaseRetries {
				l.rest() // this turn has tried often enough
				return
			}
			l.renew()
		}
	})
}

func (l *leaseKeeper) ensureLater() {
	d := l.backoff
	l.backoff = min(2*l.backoff, ensureBackoffMax)
	l.kubelet.process.After(d, l.ensure)
}

// create makes the lease, owned by the node: before the node is registered there is none.
func (l *leaseKeeper) create() {
	l.withOwner(func(owner []metav1.OwnerReference) {
		if owner == nil {
			l.ensureLater()
			return
		}
		now := client.NowMicro(l.kubelet.process)
		lease := &coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: l.holder, Namespace: corev1.NamespaceNodeLease, OwnerReferences: owner},
			Spec:       coordinationv1.LeaseSpec{HolderIdentity: &l.holder, LeaseDurationSeconds: &l.seconds, RenewTime: &now},
		}
		r := &api.Request{Verb: api.VerbCreate, Resource: api.Leases, Namespace: corev1.NamespaceNodeLease, Name: l.holder, Object: lease}
		l.kubelet.heartbeat.Start(r, func(r *api.Response, err error) {
			if err != nil {
				l.ensureLater()
				return
			}
			l.latest = r.Object.(*coordinationv1.Lease)
			l.rest()
		})
	})
}

// withOwner asks the API for the node, whose UID the lease's owner reference needs.
func (l *leaseKeeper) withOwner(next func([]metav1.OwnerReference)) {
	k := l.kubelet
	k.client.Start(&api.Request{Verb: api.VerbGet, Resource: api.Nodes, Name: k.config.NodeName}, func(r *api.Response, err error) {
		if err != nil {
			next(nil)
			return
		}
		next([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: k.config.NodeName, UID: r.Object.GetUID()}})
	})
}
