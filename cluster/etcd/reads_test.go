package etcd

import (
	"errors"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

// Where a round trip takes longer than the time after which a reader asks the leader again, the answer to an earlier
// question is an answer too.
func TestReadsOverALongWay(t *testing.T) {
	w := newWorld(t, 1, 3, func(c *MemberConfig) { c.HeartbeatInterval, c.ElectionTimeout = time.Second, 10*time.Second })
	defer w.close()
	for _, from := range w.machines {
		for _, to := range w.machines {
			w.network.SetPath(network.Selector{from.Name()}, network.Selector{to.Name()}, network.PathConfig{Latency: sim.Fixed(400 * time.Millisecond)})
		}
	}
	w.await(time.Minute, "a leader", func() bool { return w.leader() >= 0 })
	leader := w.leader()
	w.run(10 * time.Second)
	w.at((leader + 1) % 3)
	w.put("a", "1")
	began := w.simulation.Now()
	if w.value("a") != "1" {
		t.Fatal("the put is not seen")
	}
	// To the leader, from the leader to a follower and back, and back to the reader.
	if took := w.simulation.Now().Sub(began); took < 1600*time.Millisecond || took > 2*time.Second {
		t.Fatalf("the read took %v", took)
	}
}

// Reads that come while a round is under way share the next one: a hundred readers cost two rounds.
func TestReadsShareRounds(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.put("a", "1")
	w.run(time.Second)
	before := w.members[0].reads.last
	answered := 0
	w.at(0)
	for range 100 {
		w.desk.Do(func() {
			w.client.Range(&RangeRequest{Key: "a"}, func(_ *RangeResponse, err error) {
				if err == nil {
					answered++
				}
			})
		})
		w.run(2 * time.Microsecond)
	}
	w.run(100 * time.Millisecond)
	if rounds := w.members[0].reads.last - before; answered != 100 || rounds > 4 {
		t.Fatalf("%d reads answered in %d rounds", answered, rounds)
	}
}

// A leader that has been behind a stalled disk asks whether it still leads before it renews a lease: the next leader may
// have let the lease go.
func TestHeldUpLeaderRenewsNothing(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	old := w.awaitLeader()
	id := w.grant(5)
	w.run(time.Second)
	w.machines[old].Disk().Stall(30 * time.Second)
	w.at(old)
	w.desk.Do(func() { w.client.Put(&PutRequest{Key: "a"}, func(*PutResponse, error) {}) }) // It waits for the disk from here on.
	w.run(100 * time.Millisecond)
	conn := w.network.DialWith(w.desk, w.configs[old].ClientAddress, network.EtcdClient())
	renewed, failed := 0, 0
	for range 20 {
		w.run(time.Second)
		w.desk.Do(func() {
			conn.Call(w.network.Method("etcd.LeaseKeepAlive"), &LeaseKeepAliveRequest{id}, 64, 0, func(answer any, err error) {
				switch {
				case errors.Is(err, ErrLeaderChanged), errors.Is(err, ErrTimeout):
					failed++
				case err == nil && answer.(*LeaseKeepAliveResponse).TTLSeconds > 0:
					renewed++
				}
			})
		})
	}
	if w.leader() == old {
		t.Fatal("nobody took over")
	}
	w.run(20 * time.Second)
	if renewed > 0 || failed == 0 {
		t.Fatalf("the old leader renewed %d times, and failed %d", renewed, failed)
	}
}

// Whoever is asked about a lease, the answer carries the header of the member that was asked.
func TestForwardedAnswersHaveTheMembersOwnHeader(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	id := w.grant(60)
	w.run(time.Second)
	for i, m := range w.members {
		w.at(i)
		kept, err := do(w, func(done func(*LeaseKeepAliveResponse, error)) { w.client.LeaseKeepAlive(id, done) })
		if err != nil || kept.Header.MemberID != m.ID() || kept.TTLSeconds != 60 {
			t.Errorf("keep-alive of member %d: %+v, %v", i, kept, err)
		}
		left, err := do(w, func(done func(*LeaseTimeToLiveResponse, error)) { w.client.LeaseTimeToLive(id, false, done) })
		if err != nil || left.Header.MemberID != m.ID() || left.GrantedTTLSeconds != 60 {
			t.Errorf("time to live of member %d: %+v, %v", i, left, err)
		}
	}
}

// A member that is cut off answers serializable reads from what it has, and no others.
func TestCutOffMemberAnswersSerializableReads(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.put("a", "1")
	w.run(time.Second)
	cut := (leader + 1) % 3
	w.network.Partition([]string{w.machines[cut].Name()}, []string{w.machines[leader].Name(), w.machines[(leader+2)%3].Name()}, network.Both)
	w.at(leader)
	w.put("a", "2")
	w.at(cut)
	old, err := do(w, func(done func(*RangeResponse, error)) {
		w.client.Range(&RangeRequest{Key: "a", Serializable: true}, done)
	})
	if err != nil || len(old.KVs) != 1 || old.KVs[0].Value != Bytes("1") {
		t.Fatalf("a serializable read: %+v, %v", old, err)
	}
	answered := false
	w.desk.Do(func() { w.client.Range(&RangeRequest{Key: "a"}, func(*RangeResponse, error) { answered = true }) })
	w.run(5 * time.Second)
	if answered {
		t.Fatal("a linearizable read was answered")
	}
}
