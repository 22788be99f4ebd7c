package etcd

import (
	"errors"
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// chaos is a world in which a test draws operations and faults.
type chaos struct {
	*world
	t          *rapid.T
	model      *model
	operations []*operation
	values     int
	cuts       []network.FaultID
	watches    []*chaosWatch
	leases     []int64
}

// chaosWatch watches everything and resumes by itself after each end.
type chaosWatch struct {
	c        *chaos
	from     int64
	events   []Event
	progress int64
}

// next is the first revision that has not been seen.
func (x *chaosWatch) next() int64 {
	next := max(x.from, x.progress+1)
	if n := len(x.events); n > 0 {
		next = max(next, x.events[n-1].KV.ModRevision+1)
	}
	return next
}

func (x *chaosWatch) start() {
	x.c.client.Watch(&WatchRequest{
		Key: AllKeys, RangeEnd: AllKeys, StartRevision: x.next(), PrevKV: true, RequireLeader: true, ProgressNotify: true,
	}, x)
}

func (x *chaosWatch) Events(r *WatchResponse) {
	x.events = append(x.events, r.Events...)
	if r.IsProgress() {
		x.progress = r.Header.Revision
	}
	if n := len(x.events); n > 0 && x.progress > x.events[n-1].KV.ModRevision {
		for revision := x.events[n-1].KV.ModRevision + 1; revision <= x.progress; revision++ {
			if len(x.c.model.events[revision]) > 0 {
				x.c.model.fault("progress at %d before the events of %d", x.progress, revision)
			}
		}
	}
}

func (x *chaosWatch) Closed(error) { x.c.desk.After(100*time.Millisecond, x.start) }

func (c *chaos) begin(kind string) *operation {
	o := &operation{kind: kind, called: c.canonical.Revision()}
	if o.called == 0 {
		o.called = 1
	}
	c.operations = append(c.operations, o)
	return o
}

func (o *operation) end(err error) bool {
	o.returned, o.err = true, err
	return err == nil
}

var chaosKeys = rapid.SampledFrom([]string{"a", "b", "c", "d"})

func (c *chaos) value() Value {
	c.values++
	return Bytes(fmt.Sprint("v", c.values))
}

// operate draws a request.
func (c *chaos) operate() {
	key := chaosKeys.Draw(c.t, "key")
	switch rapid.IntRange(0, 9).Draw(c.t, "operation") {
	case 0, 1, 2:
		value, o := c.value(), c.begin("put")
		r := &PutRequest{Key: key, Value: value}
		if len(c.leases) > 0 && rapid.Bool().Draw(c.t, "leased") {
			r.Lease = c.leases[len(c.leases)-1]
		}
		c.client.Put(r, func(r *PutResponse, err error) {
			if o.end(err) {
				c.model.checkWrite(o, r.Header.Revision, key, value)
			}
		})
	case 3:
		value, o := c.value(), c.begin("transaction")
		expected := c.model.states[c.model.newest()][key].ModRevision
		c.client.Txn(&TxnRequest{
			Compare: []Compare{{Target: CompareModRevision, Key: key, Number: expected}},
			Success: []RequestOp{{Put: &PutRequest{Key: key, Value: value}}},
		}, func(r *TxnResponse, err error) {
			if o.end(err) {
				c.model.checkTxn(o, key, expected, value, r)
			}
		})
	case 4:
		o := c.begin("delete")
		c.client.Delete(&DeleteRangeRequest{Key: key}, func(_ *DeleteRangeResponse, err error) { o.end(err) })
	case 5, 6:
		o := c.begin("read")
		r := &RangeRequest{Key: key, Serializable: rapid.IntRange(0, 3).Draw(c.t, "serializable") == 0}
		if rapid.Bool().Draw(c.t, "all") {
			r.Key, r.RangeEnd = AllKeys, AllKeys
		}
		c.client.Range(r, func(got *RangeResponse, err error) {
			if o.end(err) {
				c.model.checkRead(o, r, got)
			}
		})
	case 7:
		o := c.begin("grant")
		c.client.Grant(rapid.Int64Range(2, 10).Draw(c.t, "ttl"), func(id int64, err error) {
			if o.end(err) {
				c.leases = append(c.leases, id)
			}
		})
	case 8:
		o := c.begin("keep alive or revoke")
		switch {
		case len(c.leases) == 0:
			o.end(nil)
		case rapid.Bool().Draw(c.t, "revoke"):
			c.client.LeaseRevoke(c.leases[0], func(_ *LeaseRevokeResponse, err error) { o.end(err) })
		default:
			c.client.LeaseKeepAlive(c.leases[0], func(_ *LeaseKeepAliveResponse, err error) { o.end(err) })
		}
	default:
		// The watchers are behind for minutes at most, the compaction is further back than they are.
		if to := c.watched() - 1; to > 1 {
			o := c.begin("compaction")
			c.client.Compact(to, func(err error) { o.end(err) })
		}
	}
}

// watched is the oldest revision that a watcher still waits for.
func (c *chaos) watched() int64 {
	oldest := c.model.newest()
	for _, x := range c.watches {
		oldest = min(oldest, x.next())
	}
	return oldest
}

// disturb draws a fault or ends one.
func (c *chaos) disturb() {
	i := rapid.IntRange(0, len(c.members)-1).Draw(c.t, "member")
	machine, process := c.machines[i], c.processes[i]
	switch rapid.IntRange(0, 11).Draw(c.t, "fault") {
	case 10:
		machine.Disk().TearNext()
		machine.Crash()
	case 11:
		slow := rapid.SampledFrom([]time.Duration{1, 50 * time.Millisecond, 2 * time.Second}).Draw(c.t, "slow")
		machine.Disk().SlowSync(sim.Uniform(0, slow))
	case 0:
		machine.Crash()
	case 1:
		machine.Boot()
	case 2:
		process.Restart(rapid.SampledFrom([]time.Duration{0, time.Second}).Draw(c.t, "after"))
	case 3:
		process.Pause()
	case 4:
		process.Resume()
	case 5, 6:
		c.partition()
	case 7:
		if len(c.cuts) > 0 {
			c.network.Heal(c.cuts[0])
			c.cuts = c.cuts[1:]
		}
	case 8:
		machine.Disk().Stall(rapid.SampledFrom([]time.Duration{20 * time.Millisecond, 3 * time.Second}).Draw(c.t, "stall"))
	default:
		machine.Clock().SetDrift(rapid.Int64Range(-100_000, 100_000).Draw(c.t, "drift"))
	}
}

// partition cuts a drawn set of members from another one, clients aside or with them.
func (c *chaos) partition() {
	var a, b network.Selector
	for _, m := range c.machines {
		switch rapid.IntRange(0, 2).Draw(c.t, "side") {
		case 0:
			a = append(a, m.Name())
		case 1:
			b = append(b, m.Name())
		}
	}
	if rapid.Bool().Draw(c.t, "clients") {
		b = append(b, "desk")
	}
	if len(a) > 0 && len(b) > 0 {
		c.cuts = append(c.cuts, c.network.Partition(a, b, network.Direction(rapid.IntRange(0, 2).Draw(c.t, "direction"))))
	}
}

// calm ends every fault.
func (c *chaos) calm() {
	for _, cut := range c.cuts {
		c.network.Heal(cut)
	}
	for i, m := range c.machines {
		m.Disk().Unstall()
		m.Disk().SlowSync(nil)
		m.Boot()
		m.Resume()
		c.processes[i].Resume()
		c.processes[i].Start()
	}
}

// verify waits until the store works again and checks that nothing acknowledged is lost.
func (c *chaos) verify() {
	c.calm()
	c.await(60*time.Second, "a leader after the faults", func() bool { return c.leader() >= 0 })
	c.await(120*time.Second, "all operations have been answered", func() bool {
		for _, o := range c.operations {
			if !o.returned {
				return false
			}
		}
		return true
	})
	c.await(120*time.Second, "a put succeeds again", func() bool {
		_, err := do(c.world, func(done func(*PutResponse, error)) {
			c.client.Put(&PutRequest{Key: "last", Value: Bytes("word")}, done)
		})
		return err == nil
	})
	c.await(60*time.Second, "all members have applied the same", c.converged)
	for _, l := range c.watches {
		c.await(60*time.Second, "the watch has caught up", func() bool {
			n := len(l.events)
			return n > 0 && l.events[n-1].KV.ModRevision == c.model.newest()
		})
		c.model.checkWatch(l.from, l.events, true)
	}
	var hash uint64
	for i, m := range c.members {
		h, _, err := m.Store().HashKV(0)
		if err != nil || i > 0 && h != hash {
			c.t.Fatalf("member %d hashes to %x, the ones before to %x (%v)", i, h, hash, err)
		}
		hash = h
	}
	if len(c.exits) > 0 {
		c.t.Fatalf("members ended themselves: %v", errors.Join(c.exits...))
	}
	if err := c.model.err(); err != nil {
		c.t.Fatal(err)
	}
}

func newChaos(t *rapid.T, size int, change ...func(*MemberConfig)) *chaos {
	config := sim.Config{Seed: rapid.Uint64().Draw(t, "seed"), NoWatchdog: true}
	if rapid.Bool().Draw(t, "hunt") {
		config.Mode = sim.Hunt
	}
	c := &chaos{t: t, world: newWorldWith(t, config, size, change...)}
	c.model = newModel(c.canonical)
	if rapid.Bool().Draw(t, "costs") {
		costs := host.Costs(c.simulation)
		for name, cost := range map[string]time.Duration{"etcd.request": 100 * time.Microsecond, "etcd.range": time.Millisecond} {
			costs.Register(name, host.Cost{Fixed: cost})
		}
		costs.Register("etcd.apply", host.Cost{PerUnit: 500 * time.Microsecond})
		costs.Register("etcd.watch", host.Cost{PerUnit: 300 * time.Microsecond})
	}
	return c
}

// Random operations and random faults: every answer is right when it is given, nothing acknowledged is lost, every
// watcher sees the whole history once and in order, and afterwards all members are equal.
func TestChaos(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		small := func(m *MemberConfig) { m.SnapshotEntries, m.CatchUpEntries = 30, 10 }
		c := newChaos(rt, rapid.SampledFrom([]int{1, 3, 3, 3, 5}).Draw(rt, "members"), small)
		defer c.close()
		defer func() { recoverTo(rt, recover()) }()
		for range 2 {
			x := &chaosWatch{c: c, from: 2}
			c.watches = append(c.watches, x)
			c.desk.Do(x.start)
		}
		for range rapid.IntRange(5, 60).Draw(rt, "steps") {
			for range rapid.IntRange(0, 8).Draw(rt, "operations") {
				c.desk.Do(c.operate)
			}
			if rapid.IntRange(0, 2).Draw(rt, "disturb") == 0 {
				c.disturb()
			}
			c.run(rapid.SampledFrom([]time.Duration{0, 300 * time.Microsecond, 5 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second}).Draw(rt, "pause"))
			if err := c.model.err(); err != nil {
				rt.Fatal(err)
			}
		}
		c.verify()
	})
}

// recoverTo turns a panic of simulated code into a failure that rapid can shrink.
func recoverTo(t *rapid.T, r any) {
	if err, ok := r.(error); ok {
		t.Fatalf("%v\n%s", err, debug.Stack())
	} else if r != nil {
		panic(r)
	}
}
