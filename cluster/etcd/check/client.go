package check

import (
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim/host"
)

// Client is a client of the store all of whose requests are checked. A request must not be used twice.
type Client struct {
	checker *Checker
	process *host.Process
	store   *etcd.Client
	name    string
	// Observe, where it is set, is told of each answer: whether it was a write, how long it took, and its error.
	Observe func(write bool, took time.Duration, err error)
}

// Client returns a client of a process, by way of a client of the store.
func (k *Checker) Client(p *host.Process, store *etcd.Client) *Client {
	return &Client{checker: k, process: p, store: store, name: p.Name()}
}

// ask calls and has the answer looked at before it is handed on.
func ask[Q, R any](c *Client, write bool, request *Q, call func(*Q, func(*R, error)), done func(*R, error)) {
	o := c.checker.begin(c.name, request)
	began := c.process.Monotonic()
	call(request, func(r *R, err error) {
		var response any
		if err == nil {
			response = r
		}
		c.checker.end(o, response, err)
		if c.Observe != nil {
			c.Observe(write, c.process.Monotonic().Sub(began), err)
		}
		if done != nil {
			done(r, err)
		}
	})
}

// Range reads keys.
func (c *Client) Range(r *etcd.RangeRequest, done func(*etcd.RangeResponse, error)) {
	ask(c, false, r, c.store.Range, done)
}

// Put writes a key.
func (c *Client) Put(r *etcd.PutRequest, done func(*etcd.PutResponse, error)) {
	ask(c, true, r, c.store.Put, done)
}

// Delete deletes keys.
func (c *Client) Delete(r *etcd.DeleteRangeRequest, done func(*etcd.DeleteRangeResponse, error)) {
	ask(c, true, r, c.store.Delete, done)
}

// Txn runs a transaction.
func (c *Client) Txn(r *etcd.TxnRequest, done func(*etcd.TxnResponse, error)) {
	ask(c, !r.IsReadOnly(), r, c.store.Txn, done)
}

// Grant makes a lease.
func (c *Client) Grant(ttlSeconds int64, done func(id int64, err error)) {
	wait := c.checker.await("grant of a lease")
	c.store.Grant(ttlSeconds, func(id int64, err error) {
		wait.over()
		if err == nil && c.checker.leases.byID[id] == nil {
			c.checker.broken(CommittedFirst, "%s: the grant of lease %x was answered", c.name, id)
		}
		done(id, err)
	})
}

// Revoke ends a lease.
func (c *Client) Revoke(id int64, done func(error)) {
	wait := c.checker.await("revocation of a lease")
	c.store.LeaseRevoke(id, func(_ *etcd.LeaseRevokeResponse, err error) {
		wait.over()
		if x := c.checker.leases.byID[id]; err == nil && (x == nil || !x.isRevoked) {
			c.checker.broken(CommittedFirst, "%s: the revocation of lease %x was answered", c.name, id)
		}
		done(err)
	})
}

// KeepAlive renews a lease; done is told the time that it has, 0 where it has ended.
func (c *Client) KeepAlive(id int64, done func(ttlSeconds int64, err error)) {
	wait := c.checker.await("renewal of a lease")
	//sim:allow truetime it is an observer, outside of the simulated world
	called, term := c.checker.simulation.Now(), c.checker.newestTerm()
	c.store.LeaseKeepAlive(id, func(r *etcd.LeaseKeepAliveResponse, err error) {
		wait.over()
		if err != nil {
			done(0, err)
			return
		}
		c.checker.leases.renewed(c.checker, id, called, term, r)
		done(r.TTLSeconds, nil)
	})
}

// Compact drops the history before a revision.
func (c *Client) Compact(revision int64, done func(error)) {
	wait := c.checker.await("compaction")
	c.store.Compact(revision, func(err error) {
		wait.over()
		if err == nil && c.checker.model.keys.CompactRevision() < revision {
			c.checker.broken(CommittedFirst, "%s: the compaction at %d was answered", c.name, revision)
		}
		done(err)
	})
}

// newestTerm is the highest in which anybody has come to lead.
func (k *Checker) newestTerm() (newest uint64) {
	for _, e := range k.canonical.Elections() {
		newest = max(newest, e.Term)
	}
	return newest
}

// waiting is a request that is not found again by its address, until it is answered.
type waiting struct {
	checker *Checker
	what    string
}

func (k *Checker) await(what string) *waiting {
	w := &waiting{k, what}
	k.stats.Called++
	k.pending[w] = &Operation{Request: w}
	return w
}

func (w *waiting) over() {
	w.checker.stats.Answered++
	delete(w.checker.pending, w)
}
