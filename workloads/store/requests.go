package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd"
)

// requests is the table of what clients ask, with how often, in parts of 100.
var requests = []struct {
	name   string
	weight int
	do     func(c *client)
}{
	{"put", 26, (*client).put},
	{"put with a lease", 6, (*client).putLeased},
	{"delete", 8, (*client).delete},
	{"transaction that replaces what it knows", 10, (*client).replace},
	{"transaction that reads the past", 4, (*client).readPast},
	{"transaction that writes nothing", 3, (*client).writeNothing},
	{"linearizable read", 20, (*client).get},
	{"read of everything", 5, (*client).list},
	{"serializable read", 4, (*client).readLocal},
	{"grant", 3, (*client).grant},
	{"revoke", 1, (*client).revoke},
	{"let a lease expire", 1, (*client).letGo},
	{"compaction", 2, (*client).compact},
	{"break of a watch", 2, (*client).breakWatch},
	{"question for progress", 5, (*client).askProgress},
}

// request draws from the table.
func (c *client) request() {
	n := int(c.draws.Int63n(purposeRequest, 100))
	for i := range requests {
		if n -= requests[i].weight; n < 0 {
			requests[i].do(c)
			return
		}
	}
}

// ask counts a request as under way until the returned function is called.
func (c *client) ask() (done func()) {
	c.flying++
	return func() { c.flying-- }
}

func (c *client) key() string {
	return fmt.Sprintf("key-%02d", c.draws.Int63n(purposeKey, int64(c.load.config.Keys)))
}

// value is one that nobody else writes.
func (c *client) value() etcd.Value {
	c.values++
	text := fmt.Sprintf("%s-%d ", c.process.Machine().Name(), c.values)
	return etcd.Bytes(text + strings.Repeat("x", max(c.load.config.ValueBytes-len(text), 0)))
}

func (c *client) write(r *etcd.PutRequest) {
	done := c.ask()
	r.PrevKV = c.draw(4) == 0
	c.store.Put(r, func(*etcd.PutResponse, error) { done() })
}

func (c *client) put() { c.write(&etcd.PutRequest{Key: c.key(), Value: c.value()}) }

func (c *client) putLeased() {
	r := &etcd.PutRequest{Key: c.key(), Value: c.value()}
	if len(c.leases) > 0 {
		r.Lease = c.leases[c.draw(len(c.leases))].id
	}
	c.write(r)
}

func (c *client) delete() {
	done := c.ask()
	r := &etcd.DeleteRangeRequest{Key: c.key(), PrevKV: c.draw(4) == 0}
	if c.draw(8) == 0 {
		r.RangeEnd = c.key()
	}
	c.store.Delete(r, func(*etcd.DeleteRangeResponse, error) { done() })
}

// replace reads a key and writes it if nobody has meanwhile, as API servers do; now and then two keys, or nested.
func (c *client) replace() {
	done, key := c.ask(), c.key()
	c.store.Range(&etcd.RangeRequest{Key: key, Serializable: true}, func(got *etcd.RangeResponse, err error) {
		if err != nil {
			done()
			return
		}
		var known int64
		if len(got.KVs) > 0 {
			known = got.KVs[0].ModRevision
		}
		r := &etcd.TxnRequest{
			Compare: []etcd.Compare{{Target: etcd.CompareModRevision, Key: key, Number: known}},
			Success: []etcd.RequestOp{{Put: &etcd.PutRequest{Key: key, Value: c.value()}}},
			Failure: []etcd.RequestOp{{Range: &etcd.RangeRequest{Key: key}}},
		}
		switch c.draw(4) {
		case 0:
			r.Success = append(r.Success, etcd.RequestOp{Put: &etcd.PutRequest{Key: key + "/copy", Value: c.value()}})
		case 1:
			r.Failure = append(r.Failure, etcd.RequestOp{Txn: &etcd.TxnRequest{
				Compare: []etcd.Compare{{Target: etcd.CompareVersion, Result: etcd.Greater, Key: key, Number: 1}},
				Success: []etcd.RequestOp{{DeleteRange: &etcd.DeleteRangeRequest{Key: key}}},
			}})
		}
		c.store.Txn(r, func(*etcd.TxnResponse, error) { done() })
	})
}

// readPast reads an old revision, and writes: whether that revision is still there all members must judge alike.
func (c *client) readPast() {
	done := c.ask()
	newest := c.load.world.Checker.Revision()
	r := &etcd.TxnRequest{Success: []etcd.RequestOp{
		{Range: &etcd.RangeRequest{Key: c.key(), Revision: max(newest-int64(c.draw(200)), 1)}},
		{Put: &etcd.PutRequest{Key: c.key() + "/seen", Value: c.value()}},
	}}
	c.store.Txn(r, func(*etcd.TxnResponse, error) { done() })
}

func (c *client) writeNothing() {
	done := c.ask()
	c.store.Txn(&etcd.TxnRequest{
		Compare: []etcd.Compare{{Target: etcd.CompareVersion, Key: c.key(), Number: -1}},
		Success: []etcd.RequestOp{{Put: &etcd.PutRequest{Key: c.key(), Value: c.value()}}},
	}, func(*etcd.TxnResponse, error) { done() })
}

func (c *client) rangeOf(r *etcd.RangeRequest) {
	done := c.ask()
	c.store.Range(r, func(*etcd.RangeResponse, error) { done() })
}

func (c *client) get() { c.rangeOf(&etcd.RangeRequest{Key: c.key()}) }

func (c *client) list() {
	c.rangeOf(&etcd.RangeRequest{Key: etcd.AllKeys, RangeEnd: etcd.AllKeys, Limit: int64(c.draw(3) * 5), CountOnly: c.draw(4) == 0})
}

func (c *client) readLocal() { c.rangeOf(&etcd.RangeRequest{Key: c.key(), Serializable: true}) }

// compact drops history: most often some of it, now and then all but what is newest.
func (c *client) compact() {
	newest := c.load.world.Checker.Revision()
	keep := int64(0)
	if c.draw(3) > 0 {
		keep = int64(c.draw(100))
	}
	if newest-keep > 1 {
		done := c.ask()
		c.store.Compact(newest-keep, func(error) { done() })
	}
}

func (c *client) breakWatch() {
	if len(c.watches) > 0 {
		c.watches[c.draw(len(c.watches))].Break()
	}
}

func (c *client) askProgress() {
	if len(c.watches) > 0 {
		c.watches[c.draw(len(c.watches))].RequestProgress()
	}
}

// watchRequest draws what to watch.
func (c *client) watchRequest() etcd.WatchRequest {
	r := etcd.WatchRequest{Key: etcd.AllKeys, RangeEnd: etcd.AllKeys, PrevKV: c.draw(2) == 0, ProgressNotify: c.draw(2) == 0, RequireLeader: c.draw(3) > 0}
	switch c.draw(4) {
	case 0:
		r.Key, r.RangeEnd = c.key(), ""
	case 1:
		r.Key, r.RangeEnd = "key-", "key-05"
	}
	switch c.draw(8) {
	case 0:
		r.NoPut = true
	case 1:
		r.NoDelete = true
	}
	return r
}

// held is a lease that a client renews.
type held struct {
	id  int64
	ttl time.Duration
}

// Leases live for a drawn time, and a client holds some.
const (
	minTTLSeconds, maxTTLSeconds = 3, 12
	maxLeases                    = 4
)

func (c *client) grant() {
	if len(c.leases) >= maxLeases {
		return
	}
	done := c.ask()
	ttl := int64(minTTLSeconds + c.draw(maxTTLSeconds-minTTLSeconds))
	c.store.Grant(ttl, func(id int64, err error) {
		done()
		if err == nil {
			x := &held{id, time.Duration(ttl) * time.Second}
			c.leases = append(c.leases, x)
			c.renewLater(x)
		}
	})
}

// renewLater renews three times in a lease's life, as etcd's client does.
func (c *client) renewLater(x *held) {
	c.process.After(x.ttl/3, func() {
		if c.load.stopped || !slices.Contains(c.leases, x) {
			return
		}
		c.store.KeepAlive(x.id, func(ttlSeconds int64, err error) {
			if err == nil && ttlSeconds == 0 {
				c.drop(x)
			}
		})
		c.renewLater(x)
	})
}

func (c *client) drop(x *held) {
	c.leases = slices.DeleteFunc(c.leases, func(other *held) bool { return other == x })
}

func (c *client) revoke() {
	if len(c.leases) > 0 {
		x := c.leases[0]
		c.drop(x)
		done := c.ask()
		c.store.Revoke(x.id, func(error) { done() })
	}
}

func (c *client) letGo() {
	if len(c.leases) > 0 {
		c.drop(c.leases[c.draw(len(c.leases))])
	}
}
