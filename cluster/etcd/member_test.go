package etcd

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/network"
)

func TestThreeMembersAgree(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	for i := range 10 {
		if r := w.put(fmt.Sprint("key", i), fmt.Sprint("value", i)); r.Header.Revision != int64(i)+2 {
			t.Fatalf("put %d has revision %d", i, r.Header.Revision)
		}
	}
	for i := range 10 {
		if got := w.value(fmt.Sprint("key", i)); got != fmt.Sprint("value", i) {
			t.Fatalf("key%d holds %q", i, got)
		}
	}
	w.run(time.Second)
	if !w.converged() {
		t.Fatal("the members have not applied the same")
	}
}

func TestOneMemberIsAStore(t *testing.T) {
	w := newWorld(t, 1, 1)
	defer w.close()
	w.awaitLeader()
	w.put("a", "1")
	w.machines[0].Crash()
	w.run(time.Second)
	w.machines[0].Boot()
	w.awaitLeader()
	if got := w.value("a"); got != "1" {
		t.Fatalf("after the crash a holds %q", got)
	}
}

// Whoever crashes, what was acknowledged is there afterwards, and the member that comes back has it too.
func TestPutsSurviveTheCrashOfAnyMember(t *testing.T) {
	for victim := range 3 {
		t.Run(fmt.Sprint("member ", victim), func(t *testing.T) {
			w := newWorld(t, uint64(victim), 3)
			defer w.close()
			w.awaitLeader()
			w.put("before", "1")
			w.machines[victim].Crash()
			w.run(5 * time.Second)
			w.awaitLeader()
			w.put("during", "2")
			w.machines[victim].Boot()
			w.await(10*time.Second, "everybody has everything", w.converged)
			w.put("after", "3")
			for key, want := range map[string]string{"before": "1", "during": "2", "after": "3"} {
				if got := w.value(key); got != want {
					t.Errorf("%s holds %q instead of %q", key, got, want)
				}
			}
		})
	}
}

func TestLeaderCrashElectsAnotherInTime(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed, 3)
		first := w.awaitLeader()
		w.run(3 * time.Second)
		term := w.members[first].Term()
		w.machines[first].Crash()
		// Followers campaign after one to two election timeouts; a split vote costs another round.
		w.await(5*time.Second, "a new leader", func() bool { l := w.leader(); return l >= 0 && l != first })
		if now := w.members[w.leader()].Term(); now <= term {
			t.Fatalf("seed %d: the term went from %d to %d", seed, term, now)
		}
		w.close()
	}
}

// All members lose power at once, with requests under way: what was acknowledged is there afterwards.
func TestRecoveryFromTheLog(t *testing.T) {
	for seed := range uint64(10) {
		w := newWorld(t, seed, 3, func(c *MemberConfig) { c.SnapshotEntries, c.CatchUpEntries = 50, 20 })
		w.awaitLeader()
		acknowledged := map[string]bool{}
		for i := range 300 {
			key := fmt.Sprint("key", i)
			w.desk.Do(func() {
				w.client.Put(&PutRequest{Key: key, Value: Bytes("x")}, func(_ *PutResponse, err error) { acknowledged[key] = err == nil })
			})
			if i%20 == 0 {
				w.run(2 * time.Millisecond)
			}
		}
		w.run(time.Duration(seed) * time.Millisecond)
		for _, m := range w.machines {
			m.Crash()
		}
		w.run(time.Second)
		survivors := map[string]bool{}
		for key, ok := range acknowledged {
			if ok {
				survivors[key] = true
			}
		}
		for _, m := range w.machines {
			m.Boot()
		}
		w.awaitLeader()
		r, err := do(w, func(done func(*RangeResponse, error)) {
			w.client.Range(&RangeRequest{Key: AllKeys, RangeEnd: AllKeys}, done)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, kv := range r.KVs {
			delete(survivors, kv.Key)
		}
		if len(survivors) > 0 {
			t.Fatalf("seed %d: lost %v", seed, survivors)
		}
		w.close()
	}
}

// A follower that was away for longer than the log goes back is sent a snapshot.
func TestLaggingFollowerGetsASnapshot(t *testing.T) {
	w := newWorld(t, 1, 3, func(c *MemberConfig) { c.SnapshotEntries, c.CatchUpEntries = 20, 5 })
	defer w.close()
	leader := w.awaitLeader()
	victim := (leader + 1) % 3
	w.put("a", "0")
	w.machines[victim].Crash()
	for i := range 100 {
		w.put("a", fmt.Sprint(i))
	}
	w.machines[victim].Boot()
	w.await(20*time.Second, "the follower has caught up", w.converged)
	if from := w.members[victim].snapshots.last; from < 80 {
		t.Fatalf("the follower's last snapshot is at %d: it was not sent one", from)
	}
	w.put("a", "again")
	w.machines[victim].Crash() // What it was sent must be on its disk.
	w.run(time.Second)
	w.machines[victim].Boot()
	w.await(20*time.Second, "the follower has recovered", w.converged)
}

// A leader that was cut off has entries that nobody else has. When it comes back it applies what the others agreed on in
// their place, while its slow disk still holds its own: a snapshot must wait until the log is right, or it carries the
// term of what was overwritten.
func TestSnapshotWaitsForTheLog(t *testing.T) {
	w := newWorld(t, 3, 3, func(c *MemberConfig) { c.SnapshotEntries, c.CatchUpEntries = 10, 100 })
	defer w.close()
	old := w.awaitLeader()
	w.put("a", "1")
	w.run(time.Second)
	cut := w.network.Partition([]string{w.machines[old].Name()}, []string{w.machines[(old+1)%3].Name(), w.machines[(old+2)%3].Name()}, 0)
	alone := NewClient(w.desk, w.network, []network.Address{w.configs[old].ClientAddress})
	for range 20 {
		w.desk.Do(func() { alone.Put(&PutRequest{Key: "a", Value: Bytes("lost")}, func(*PutResponse, error) {}) })
		w.run(time.Millisecond)
	}
	w.await(10*time.Second, "another leader", func() bool { l := w.leader(); return l >= 0 && l != old })
	rest := NewClient(w.desk, w.network, []network.Address{w.configs[w.leader()].ClientAddress})
	for w.members[w.leader()].AppliedIndex() < 12 {
		w.desk.Do(func() { rest.Put(&PutRequest{Key: "a", Value: Bytes("2")}, func(*PutResponse, error) {}) })
		w.run(10 * time.Millisecond)
	}
	w.run(time.Minute) // What was on its way when the cut came is lost.
	w.machines[old].Disk().SlowSync(sim.Fixed(300 * time.Millisecond))
	w.network.Heal(cut)
	w.await(30*time.Second, "everybody has everything", w.converged)
	w.run(5 * time.Second)
	for i, m := range w.members {
		mark := m.storage.snapshot.Metadata
		if term, err := w.members[w.leader()].storage.Term(mark.Index); mark.Index < 10 || err == nil && term != mark.Term {
			t.Errorf("member %d has a snapshot at %d of term %d, the entry is of term %d", i, mark.Index, mark.Term, term)
		}
	}
	w.machines[old].Crash()
	w.run(time.Second)
	w.machines[old].Boot()
	w.await(20*time.Second, "the member has recovered", w.converged)
}

// The leader cannot reach the others: it steps down, they elect another one, and afterwards all have the same.
func TestPartitionedLeaderStepsDown(t *testing.T) {
	w := newWorld(t, 3, 3)
	defer w.close()
	old := w.awaitLeader()
	others := []string{w.machines[(old+1)%3].Name(), w.machines[(old+2)%3].Name()}
	cut := w.network.Partition([]string{w.machines[old].Name()}, others, 0)
	w.await(10*time.Second, "another leader", func() bool { l := w.leader(); return l >= 0 && l != old })
	w.await(10*time.Second, "the old leader has stepped down", func() bool { return !w.members[old].IsLeader() })
	w.put("a", "1")
	w.network.Heal(cut)
	w.await(30*time.Second, "everybody has everything", w.converged)
	if len(w.exits) > 0 {
		t.Fatal(errors.Join(w.exits...))
	}
}

// A member that was cut off campaigns in vain, and disturbs nobody when it is back: it asks whether it would be elected
// before it begins a term.
func TestCutOffMemberComesBackQuietly(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.run(time.Second)
	term := w.members[leader].Term()
	cut := w.network.Partition([]string{w.machines[(leader+1)%3].Name()}, nil, network.Both)
	w.run(20 * time.Second)
	w.network.Heal(cut)
	w.put("a", "1")
	w.await(20*time.Second, "all have the same", w.converged)
	if now := w.leader(); now != leader || w.members[leader].Term() != term {
		t.Fatalf("member %d leads in term %d; before the cut it was %d in term %d", now, w.members[now].Term(), leader, term)
	}
}

// The same seed gives the same run, to the digest; another seed gives another one.
func TestDigestRepeats(t *testing.T) {
	run := func(seed uint64) uint64 {
		w := newWorld(t, seed, 3)
		defer w.close()
		w.awaitLeader()
		for i := range 20 {
			w.put(fmt.Sprint(i), "x")
		}
		w.machines[w.leader()].Crash()
		w.run(5 * time.Second)
		return w.simulation.Digest()
	}
	first, again, other := run(1), run(1), run(2)
	if first != again || first == other {
		t.Fatalf("digests %x, %x and %x", first, again, other)
	}
}
