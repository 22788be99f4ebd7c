package check

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim"
)

// leases follows how long leases live.
type leases struct {
	byID        map[int64]*lifetime
	maxDriftPPM int64
}

// lifetime is what is known of one lease.
type lifetime struct {
	granted, revoked, expired sim.Time
	isRevoked, isExpired      bool
	ttl                       time.Duration
	// until is up to when the lease must live.
	until sim.Time
}

func newLeases(maxDriftPPM int64) leases {
	return leases{byID: map[int64]*lifetime{}, maxDriftPPM: maxDriftPPM}
}

// least is the shortest true time that a member may take for a time by its own clock. Expiry is looked for every half
// second, which only makes it later.
func (l *leases) least(ttl time.Duration) time.Duration {
	return time.Duration(int64(ttl) / (1_000_000 + l.maxDriftPPM) * 1_000_000)
}

// applied follows grants and ends.
func (l *leases) applied(k *Checker, a *etcd.Application) {
	if a.Err != nil {
		return
	}
	switch r := a.Request.(type) {
	case *etcd.LeaseGrantRequest:
		l.byID[r.ID] = &lifetime{granted: a.Time, ttl: time.Duration(r.TTLSeconds) * time.Second}
		l.byID[r.ID].until = a.Time.Add(l.least(l.byID[r.ID].ttl))
	case *etcd.LeaseRevokeRequest:
		if x := l.byID[r.ID]; x != nil {
			x.revoked, x.isRevoked = a.Time, true
		}
	case *etcd.LeaseExpiry:
		k.stats.Expiries++
		if x := l.byID[r.ID]; x != nil {
			x.expired, x.isExpired = a.Time, true
			l.check(k, r.ID, x)
		}
	}
}

func (l *leases) check(k *Checker, id int64, x *lifetime) {
	if x.isExpired && x.expired < x.until {
		k.broken(LeasesLast, "lease %x of %v expired %v after its grant, %v too early", id, x.ttl, time.Duration(x.expired-x.granted), time.Duration(x.until-x.expired))
	}
}

// renewed takes in an answer to a renewal that was called at a time. It counts if the newest leader at the call gave it: one
// that has been replaced without noticing cannot know better, and its successor has renewed all leases itself.
func (l *leases) renewed(k *Checker, id int64, called sim.Time, newestTerm uint64, r *etcd.LeaseKeepAliveResponse) {
	k.stats.Renewals++
	x := l.byID[id]
	if x == nil || r.TTLSeconds <= 0 || r.Header.RaftTerm < newestTerm {
		return
	}
	x.until = max(x.until, called.Add(l.least(time.Duration(r.TTLSeconds)*time.Second)))
	l.check(k, id, x)
}
