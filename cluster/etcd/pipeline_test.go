package etcd

import (
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
)

// loadedStore is a store whose disks take a fixed time to sync and whose members work as long as etcd's do.
func loadedStore(t *testing.T, size int, fsync time.Duration) *world {
	w := newWorld(t, 1, size)
	w.setSync(fsync)
	costs := host.Costs(w.simulation)
	costs.Register("etcd.request", host.Cost{Fixed: 50 * time.Microsecond})
	costs.Register("etcd.apply", host.Cost{PerUnit: 20 * time.Microsecond})
	w.awaitLeader()
	w.run(time.Second)
	w.at(w.leader())
	return w
}

// setSync makes each sync of each disk take a time on top of what it takes.
func (w *world) setSync(fsync time.Duration) {
	for _, m := range w.machines {
		m.Disk().SlowSync(sim.Fixed(fsync))
	}
}

// throughput is how many puts a second clients get done of which each waits for its last one.
func (w *world) throughput(clients int, span time.Duration) int {
	done := 0
	end := w.simulation.Now().Add(span)
	var put func()
	put = func() {
		if w.simulation.Now() < end {
			w.client.Put(&PutRequest{Key: "a", Value: Bytes("x")}, func(_ *PutResponse, err error) {
				if err == nil {
					done++
				}
				put()
			})
		}
	}
	for range clients {
		w.desk.Do(put)
	}
	w.run(span + time.Second)
	return int(time.Duration(done) * time.Second / span)
}

// One client alone waits for a sync and a round trip with each put: twice the sync, half the throughput. A thousand share
// each sync, so that the members' work is what limits them.
func TestThroughputHasEtcdsShape(t *testing.T) {
	measure := func(clients int, fsync time.Duration) int {
		w := loadedStore(t, 3, fsync)
		defer w.close()
		return w.throughput(clients, 4*time.Second)
	}
	alone, aloneSlow := measure(1, 2*time.Millisecond), measure(1, 4*time.Millisecond)
	many, manySlow := measure(1000, 2*time.Millisecond), measure(1000, 4*time.Millisecond)
	t.Logf("puts a second, syncs of 2 and 4 ms: one client %d and %d, a thousand %d and %d", alone, aloneSlow, many, manySlow)
	if ratio := float64(alone) / float64(aloneSlow); ratio < 1.6 || ratio > 2 || alone < 250 || alone > 500 {
		t.Errorf("one client gets %d puts a second done, %d with syncs twice as long", alone, aloneSlow)
	}
	if ratio := float64(many) / float64(manySlow); ratio > 1.25 || many < 20*alone {
		t.Errorf("a thousand clients get %d puts a second done, %d with syncs twice as long; one gets %d", many, manySlow, alone)
	}
}

// The leader syncs its own log while the followers sync theirs: a put of one client takes one sync and not two.
func TestTheLeaderSyncsBesideItsFollowers(t *testing.T) {
	const fsync = 20 * time.Millisecond
	w := loadedStore(t, 3, fsync)
	defer w.close()
	began := w.simulation.Now()
	w.put("a", "1")
	if took := w.simulation.Now().Sub(began); took < fsync || took > fsync*8/5 {
		t.Errorf("a put takes %v with syncs of %v", took, fsync)
	}
}

// What comes while the disk works is written and synced as one batch.
func TestOneBatchIsOneSync(t *testing.T) {
	w := loadedStore(t, 1, 10*time.Millisecond)
	defer w.close()
	w.run(time.Second)
	before := w.machines[0].Disk().Stats().Syncs
	done := 0
	for range 200 {
		w.desk.Do(func() { w.client.Put(&PutRequest{Key: "a", Value: Bytes("x")}, func(*PutResponse, error) { done++ }) })
	}
	w.run(60 * time.Millisecond)
	if syncs := w.machines[0].Disk().Stats().Syncs - before; done != 200 || syncs > 5 {
		t.Errorf("%d of 200 puts at once are done after %d syncs", done, syncs)
	}
}

// The database is committed 100 ms after the first change, or when there are 10,000.
func TestBackendCommits(t *testing.T) {
	for puts, want := range map[int][2]int64{1: {0, 1}, 9000: {0, 1}, 10_000: {1, 1}} {
		w := newWorld(t, 1, 1)
		w.awaitLeader()
		w.run(time.Second)
		m := w.members[0]
		before, done := m.metrics.backendCommit.Count(), 0
		for range puts {
			w.desk.Do(func() { w.client.Put(&PutRequest{Key: "a", Value: Bytes("x")}, func(*PutResponse, error) { done++ }) })
		}
		w.run(60 * time.Millisecond)
		soon := m.metrics.backendCommit.Count() - before
		w.run(100 * time.Millisecond)
		if later := m.metrics.backendCommit.Count() - before; soon != want[0] || later != want[1] || done != puts {
			t.Errorf("%d of %d puts: %d commits after 60 ms, %d after 160", done, puts, soon, later)
		}
		w.close()
	}
}
