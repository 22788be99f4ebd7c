package client

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fauxkube/fauxkube/cluster/api"
	"github.com/fauxkube/fauxkube/sim"
)

// leaseLock reads and writes the Lease of an election (client-go resourcelock.LeaseLock).
type leaseLock struct {
	client    *Client
	namespace string
	name      string
	lease     *coordinationv1.Lease // as last read or written
}

// electionRecord is what a Lease says about an election. It compares as client-go compares records: in whole seconds,
// since it compares their JSON.
type electionRecord struct {
	holder      string
	seconds     int32
	acquired    time.Time
	renewed     time.Time
	transitions int32
}

func (r electionRecord) equal(o electionRecord) bool {
	return r.holder == o.holder && r.seconds == o.seconds && r.transitions == o.transitions &&
		r.acquired.Unix() == o.acquired.Unix() && r.renewed.Unix() == o.renewed.Unix()
}

func (l *leaseLock) get(t *sim.Task) (electionRecord, error) {
	lease, err := Get[*coordinationv1.Lease](t, l.client, api.Leases, l.namespace, l.name)
	if err != nil {
		return electionRecord{}, err
	}
	l.lease = lease
	return recordOf(&lease.Spec), nil
}

func (l *leaseLock) create(t *sim.Task, r electionRecord) error {
	lease, err := Create(t, l.client, api.Leases, &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: l.namespace, Name: l.name},
		Spec:       r.spec(),
	})
	if err == nil {
		l.lease = lease
	}
	return err
}

// update writes the record over the lease as last seen: if somebody else has written meanwhile it fails.
func (l *leaseLock) update(t *sim.Task, r electionRecord) error {
	changed := api.Shallow(l.lease)
	changed.Spec = r.spec()
	lease, err := Update(t, l.client, api.Leases, changed)
	if err == nil {
		l.lease = lease
	}
	return err
}

func recordOf(s *coordinationv1.LeaseSpec) electionRecord {
	r := electionRecord{
		holder:      api.Deref(s.HolderIdentity, ""),
		seconds:     api.Deref(s.LeaseDurationSeconds, 0),
		transitions: api.Deref(s.LeaseTransitions, 0),
	}
	if s.AcquireTime != nil {
		r.acquired = s.AcquireTime.Time
	}
	if s.RenewTime != nil {
		r.renewed = s.RenewTime.Time
	}
	return r
}

func (r electionRecord) spec() coordinationv1.LeaseSpec {
	return coordinationv1.LeaseSpec{
		HolderIdentity:       &r.holder,
		LeaseDurationSeconds: &r.seconds,
		AcquireTime:          &metav1.MicroTime{Time: r.acquired},
		RenewTime:            &metav1.MicroTime{Time: r.renewed},
		LeaseTransitions:     &r.transitions,
	}
}
