package storage

// Upstream's lease manager: objects share a lease for this long, at most this many of them
// (k8s.io/apiserver/pkg/storage/etcd3/lease_manager.go).
const (
	leaseReuseSeconds = 60
	leaseReusePercent = 5
	leaseMaxObjects   = 1000
)

const nanosPerSecond = 1_000_000_000

// leases hands out store leases for objects that expire. Leases are expensive for the store, so one is granted for a little
// longer than asked and serves all who come within that time.
type leases struct {
	client  Client
	now     func() int64
	id      int64
	expires int64 // by our own clock
	objects int
	waiting []leaseWaiter
	asking  bool
}

type leaseWaiter struct {
	ttlSeconds int64
	done       func(int64, error)
}

// get finds a lease that lives at least ttl seconds and at most the reuse time longer.
func (l *leases) get(ttlSeconds int64, done func(id int64, err error)) {
	if l.asking {
		// Upstream holds a mutex over the grant: who comes meanwhile waits for its result.
		l.waiting = append(l.waiting, leaseWaiter{ttlSeconds, done})
		return
	}
	now, reuse := l.now(), reuseSeconds(ttlSeconds)
	l.objects++
	fits := now+ttlSeconds*nanosPerSecond < l.expires && now+(ttlSeconds+reuse)*nanosPerSecond >= l.expires
	if fits && l.objects <= leaseMaxObjects {
		done(l.id, nil)
		return
	}
	l.asking = true
	l.client.Grant(ttlSeconds+reuse, func(id int64, err error) {
		l.asking = false
		if err == nil {
			l.id, l.expires, l.objects = id, now+(ttlSeconds+reuse)*nanosPerSecond, 1
		}
		done(id, err)
		l.serve()
	})
}

// serve lets those in who waited for a grant.
func (l *leases) serve() {
	waiting := l.waiting
	l.waiting = nil
	for _, w := range waiting {
		l.get(w.ttlSeconds, w.done)
	}
}

func reuseSeconds(ttlSeconds int64) int64 {
	return min(ttlSeconds*leaseReusePercent/100, leaseReuseSeconds)
}
