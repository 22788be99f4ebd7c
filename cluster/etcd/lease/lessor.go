package lease

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/sim"
)

// The errors of leases in etcd's words (api/v3rpc/rpctypes/error.go); a lease that is not there is
// mvcc.ErrLeaseNotFound.
var (
	ErrExists      = errors.New("etcdserver: lease already exists")
	ErrTTLTooLarge = errors.New("etcdserver: too large lease TTL")
	ErrNotPrimary  = errors.New("not a primary lessor")
	// ErrExpiring says that the lease has expired and its revocation is under way: the answer to a renewal waits for it.
	ErrExpiring = errors.New("lease is being revoked")
)

// Numbers of etcd (server/lease/lessor.go).
const (
	maxTTLSeconds = 9_000_000_000
	// CheckInterval is how often the leader looks for expired leases.
	CheckInterval = 500 * time.Millisecond
	// RevokesPerCheck bounds the revocations that one look proposes: 1000 a second.
	RevokesPerCheck = revokesPerSecond / 2
	// revokesPerSecond is also the number of leases from which a promotion spreads their ends.
	revokesPerSecond = 1000
	// retryInterval is when an expired lease is proposed for revocation again, should the first proposal be lost.
	retryInterval = 3 * time.Second
)

const forever = sim.Monotonic(math.MaxInt64)

// Lease is one lease.
type Lease struct {
	ID         int64
	TTLSeconds int64
	keys       map[string]struct{}
	// expiry is when the lease ends: forever on members that are not the leader.
	expiry sim.Monotonic
	// check is when the lease is looked at next, not before its expiry; place is where it stands in the heap, -1 is
	// nowhere.
	check sim.Monotonic
	place int
}

func (l *Lease) ttl() time.Duration {
	return time.Duration(min(l.TTLSeconds, math.MaxInt64/int64(time.Second)-1)) * time.Second
}

// Lessor is the leases of one member.
type Lessor struct {
	leases        map[int64]*Lease
	deadlines     heap
	primary       bool
	minTTLSeconds int64
}

// New returns a lessor without leases that is not primary. minTTLSeconds is the shortest time a lease is given.
func New(minTTLSeconds int64) *Lessor {
	return &Lessor{leases: map[int64]*Lease{}, minTTLSeconds: minTTLSeconds}
}

// Len counts the leases.
func (le *Lessor) Len() int { return len(le.leases) }

// Primary reports whether this is the leader's lessor.
func (le *Lessor) Primary() bool { return le.primary }

// Exists implements mvcc.Leases.
func (le *Lessor) Exists(id int64) bool { return le.leases[id] != nil }

// Attach implements mvcc.Leases.
func (le *Lessor) Attach(id int64, key string) {
	le.leases[id].keys[key] = struct{}{}
}

// Detach implements mvcc.Leases. The lease may be gone: its revocation deletes the keys after it.
func (le *Lessor) Detach(id int64, key string) {
	if l := le.leases[id]; l != nil {
		delete(l.keys, key)
	}
}

// Grant makes a lease.
func (le *Lessor) Grant(id, ttlSeconds int64, now sim.Monotonic) (*Lease, error) {
	switch {
	case id == 0:
		return nil, mvcc.ErrLeaseNotFound
	case ttlSeconds > maxTTLSeconds:
		return nil, ErrTTLTooLarge
	case le.leases[id] != nil:
		return nil, ErrExists
	}
	l := le.add(id, ttlSeconds)
	if le.primary {
		le.refresh(l, now, 0)
	}
	return l, nil
}

func (le *Lessor) add(id, ttlSeconds int64) *Lease {
	l := &Lease{
		ID: id, TTLSeconds: max(ttlSeconds, le.minTTLSeconds), keys: map[string]struct{}{}, expiry: forever, place: -1,
	}
	le.leases[id] = l
	return l
}

func (le *Lessor) refresh(l *Lease, now sim.Monotonic, extend time.Duration) {
	l.expiry = now.Add(l.ttl()).Add(extend)
	l.check = l.expiry
	le.deadlines.fix(l)
}

// Keys lists the keys of a lease in order.
func (le *Lessor) Keys(id int64) []string {
	if l := le.leases[id]; l != nil {
		return slices.Sorted(maps.Keys(l.keys))
	}
	return nil
}

// Revoke forgets a lease and returns its keys, which have to be deleted.
func (le *Lessor) Revoke(id int64) ([]string, error) {
	l := le.leases[id]
	if l == nil {
		return nil, mvcc.ErrLeaseNotFound
	}
	delete(le.leases, id)
	le.deadlines.remove(l)
	return slices.Sorted(maps.Keys(l.keys)), nil
}

// Renew gives a lease its full time again and returns it in seconds.
func (le *Lessor) Renew(id int64, now sim.Monotonic) (ttlSeconds int64, err error) {
	if !le.primary {
		return 0, ErrNotPrimary
	}
	l := le.leases[id]
	switch {
	case l == nil:
		return 0, mvcc.ErrLeaseNotFound
	case l.expiry <= now:
		return 0, ErrExpiring
	}
	le.refresh(l, now, 0)
	return l.TTLSeconds, nil
}

// TimeToLive returns the time that a lease has left and the time that it was granted, in seconds.
func (le *Lessor) TimeToLive(id int64, now sim.Monotonic) (left, granted int64, err error) {
	l := le.leases[id]
	if l == nil {
		return 0, 0, mvcc.ErrLeaseNotFound
	}
	if l.expiry == forever {
		return math.MaxInt64 / int64(time.Second), l.TTLSeconds, nil
	}
	return int64(l.expiry.Sub(now) / time.Second), l.TTLSeconds, nil
}

// Promote makes this the leader's lessor: every lease starts anew, extend later than its own time.
func (le *Lessor) Promote(now sim.Monotonic, extend time.Duration) {
	le.primary = true
	all := le.List()
	for _, l := range all {
		le.refresh(l, now, extend)
	}
	if len(all) >= revokesPerSecond {
		le.spread(all, now, extend)
	}
}

// spread moves the ends of leases that would come too many in one second: three quarters of what can be revoked in a
// second may end in it, the others later in proportion.
func (le *Lessor) spread(all []*Lease, now sim.Monotonic, extend time.Duration) {
	const target = 3 * revokesPerSecond / 4
	slices.SortStableFunc(all, func(a, b *Lease) int { return cmp.Compare(a.expiry, b.expiry) })
	window := all[0].expiry.Sub(now)
	next, inWindow := window+time.Second, int64(0)
	for _, l := range all {
		remaining := l.expiry.Sub(now)
		if remaining > next {
			window, next, inWindow = remaining, remaining+time.Second, 1
			continue
		}
		if inWindow++; inWindow <= target {
			continue
		}
		delay := time.Duration(int64(time.Second)*inWindow/target) - (remaining - window)
		next = window + delay
		le.refresh(l, now, delay+extend)
	}
}

// Demote forgets every deadline.
func (le *Lessor) Demote() {
	le.primary = false
	le.deadlines = nil
	for _, l := range le.leases { //sim:unordered each lease on its own
		l.expiry, l.place = forever, -1
	}
}

// Expired returns the leases to revoke now, those due longest first, at most RevokesPerCheck.
func (le *Lessor) Expired(now sim.Monotonic) (ids []int64) {
	for len(le.deadlines) > 0 && len(ids) < RevokesPerCheck {
		l := le.deadlines[0]
		if l.check > now {
			break
		}
		ids = append(ids, l.ID)
		l.check = now.Add(retryInterval)
		le.deadlines.fix(l)
	}
	return ids
}

// NextCheck is when the next lease expires or is due to be tried again; false where none will.
func (le *Lessor) NextCheck() (sim.Monotonic, bool) {
	if len(le.deadlines) == 0 {
		return 0, false
	}
	return le.deadlines[0].check, true
}

// List returns the leases in order of their ids.
func (le *Lessor) List() []*Lease {
	all := make([]*Lease, 0, len(le.leases))
	for _, id := range slices.Sorted(maps.Keys(le.leases)) {
		all = append(all, le.leases[id])
	}
	return all
}

// Granted is a lease in a snapshot. Which keys it has is in the keyspace.
type Granted struct{ ID, TTLSeconds int64 }

// Snapshot lists what was granted.
func (le *Lessor) Snapshot() []Granted {
	all := make([]Granted, 0, len(le.leases))
	for _, l := range le.List() {
		all = append(all, Granted{l.ID, l.TTLSeconds})
	}
	return all
}

// Restore returns a lessor with the leases of a snapshot, without keys, not primary.
func Restore(from []Granted, minTTLSeconds int64) *Lessor {
	le := New(minTTLSeconds)
	for _, g := range from {
		le.add(g.ID, g.TTLSeconds)
	}
	return le
}
