package etcd

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/cluster/etcd/backup"
	"github.com/fauxkube/fauxkube/cluster/etcd/mvcc"
	"github.com/fauxkube/fauxkube/sim/network"
)

func TestTransactionsAreOptimisticLocks(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	put := func(expected int64) *TxnResponse {
		r, err := do(w, func(done func(*TxnResponse, error)) {
			w.client.Txn(&TxnRequest{
				Compare: []Compare{{Target: CompareModRevision, Key: "a", Number: expected}},
				Success: []RequestOp{{Put: &PutRequest{Key: "a", Value: Bytes(fmt.Sprint(expected))}}},
				Failure: []RequestOp{{Range: &RangeRequest{Key: "a"}}},
			}, done)
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := put(0); !r.Succeeded || r.Header.Revision != 2 {
		t.Fatalf("creation: %+v", r)
	}
	if r := put(0); r.Succeeded || len(r.Responses[0].Range.KVs) != 1 || r.Responses[0].Range.KVs[0].ModRevision != 2 {
		t.Fatalf("second creation: %+v", r)
	}
	if r := put(2); !r.Succeeded || r.Header.Revision != 3 {
		t.Fatalf("update: %+v", r)
	}
}

func TestRequestsAreChecked(t *testing.T) {
	w := newWorld(t, 1, 1)
	defer w.close()
	w.awaitLeader()
	big := string(make([]byte, 2<<20))
	many := make([]RequestOp, 129)
	for i := range many {
		many[i].Put = &PutRequest{Key: fmt.Sprint(i), Value: Bytes("")}
	}
	twice := []RequestOp{{Put: &PutRequest{Key: "a"}}, {Put: &PutRequest{Key: "a"}}}
	tests := []struct {
		name string
		ask  func(done func(error))
		want error
	}{
		{"no key", func(done func(error)) { w.client.Put(&PutRequest{}, func(_ *PutResponse, err error) { done(err) }) }, mvcc.ErrEmptyKey},
		{"too large", func(done func(error)) {
			w.client.Put(&PutRequest{Key: "a", Value: Bytes(big)}, func(_ *PutResponse, err error) { done(err) })
		}, ErrRequestTooLarge},
		{"too many operations", func(done func(error)) {
			w.client.Txn(&TxnRequest{Success: many}, func(_ *TxnResponse, err error) { done(err) })
		}, mvcc.ErrTooManyOps},
		{"one key twice", func(done func(error)) {
			w.client.Txn(&TxnRequest{Success: twice}, func(_ *TxnResponse, err error) { done(err) })
		}, mvcc.ErrDuplicateKey},
		{"unknown lease", func(done func(error)) {
			w.client.Put(&PutRequest{Key: "a", Lease: 7}, func(_ *PutResponse, err error) { done(err) })
		}, ErrLeaseNotFound},
		{"future revision", func(done func(error)) {
			w.client.Range(&RangeRequest{Key: "a", Revision: 100}, func(_ *RangeResponse, err error) { done(err) })
		}, ErrFutureRev},
		{"compaction in the future", func(done func(error)) { w.client.Compact(100, done) }, ErrFutureRev},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := do(w, func(done func(*struct{}, error)) { test.ask(func(err error) { done(nil, err) }) })
			if !errors.Is(err, test.want) {
				t.Fatalf("%v instead of %v", err, test.want)
			}
		})
	}
}

func TestCompactionEndsOldReadsAndWatches(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	for i := range 10 {
		w.put("a", fmt.Sprint(i))
	}
	if _, err := do(w, func(done func(*struct{}, error)) { w.client.Compact(6, func(err error) { done(nil, err) }) }); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second) // Every member has applied it.
	read := func(revision int64) error {
		_, err := do(w, func(done func(*RangeResponse, error)) {
			w.client.Range(&RangeRequest{Key: "a", Revision: revision}, done)
		})
		return err
	}
	if before, at := read(5), read(6); !errors.Is(before, ErrCompacted) || at != nil {
		t.Fatalf("reads at 5 and 6: %v, %v", before, at)
	}
	late, _ := w.watch(&WatchRequest{Key: "a", StartRevision: 5})
	fine, _ := w.watch(&WatchRequest{Key: "a", StartRevision: 6, PrevKV: true})
	w.run(time.Second)
	if !errors.Is(late.closed, ErrCompacted) || len(late.events) > 0 {
		t.Fatalf("the watch from 5 has %d events and ends with %v", len(late.events), late.closed)
	}
	if fine.closed != nil || len(fine.events) != 6 || fine.events[0].KV.ModRevision != 6 {
		t.Fatalf("the watch from 6 has %d events and ends with %v", len(fine.events), fine.closed)
	}
}

func TestWatchGoesOnAcrossLeaderChange(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[(leader+1)%3].ClientAddress})
	l, watch := w.watch(&WatchRequest{Key: "a", RangeEnd: "b", PrevKV: true, RequireLeader: true})
	w.put("a", "1")
	w.machines[leader].Crash()
	w.await(10*time.Second, "another leader", func() bool { x := w.leader(); return x >= 0 && x != leader })
	w.put("a", "2")
	w.put("a2", "3")
	w.run(time.Second)
	if len(l.events) != 3 || l.closed != nil || l.events[1].PrevKV.Value != Bytes("1") {
		t.Fatalf("%d events, %v", len(l.events), l.closed)
	}
	w.desk.Do(watch.RequestProgress)
	w.run(time.Second)
	if !slices.Equal(l.progress, []int64{w.canonical.Revision()}) {
		t.Fatalf("progress %v, the newest revision is %d", l.progress, w.canonical.Revision())
	}
}

// A watch that requires a leader ends when its member has been without one for three election timeouts; another one
// stays.
func TestLeaderRequiredWatchEnds(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	cut := (leader + 1) % 3
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[cut].ClientAddress})
	strict, _ := w.watch(&WatchRequest{Key: "a", RequireLeader: true})
	lax, _ := w.watch(&WatchRequest{Key: "a"})
	w.run(100 * time.Millisecond)
	var others []string
	for i, m := range w.machines {
		if i != cut {
			others = append(others, m.Name())
		}
	}
	w.network.Partition([]string{w.machines[cut].Name()}, others, network.Both)
	w.run(3 * time.Second)
	if strict.closed != nil {
		t.Fatalf("after 3 s already: %v", strict.closed)
	}
	w.run(4 * time.Second) // Up to two timeouts until the leader counts as lost, three more without one.
	if !errors.Is(strict.closed, ErrNoLeader) || lax.closed != nil {
		t.Fatalf("leader required: %v, not required: %v", strict.closed, lax.closed)
	}
}

func TestProgressNotifications(t *testing.T) {
	w := newWorld(t, 1, 3, func(c *MemberConfig) { c.WatchProgressInterval = 5 * time.Second })
	defer w.close()
	w.awaitLeader()
	l, _ := w.watch(&WatchRequest{Key: "a", ProgressNotify: true})
	w.put("b", "1")
	w.run(21 * time.Second)
	if n := len(l.progress); n < 3 || n > 4 || l.progress[n-1] != 2 {
		t.Fatalf("progress %v in 21 s", l.progress)
	}
}

func (w *world) grant(ttl int64) int64 {
	w.t.Helper()
	r, err := do(w, func(done func(*LeaseGrantResponse, error)) { w.client.LeaseGrant(0, ttl, done) })
	if err != nil {
		w.t.Fatal(err)
	}
	return r.ID
}

func TestLeasesExpireAndAreKeptAlive(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	dies, lives := w.grant(5), w.grant(5)
	for key, id := range map[string]int64{"dies": dies, "lives": lives} {
		if _, err := do(w, func(done func(*PutResponse, error)) {
			w.client.Put(&PutRequest{Key: key, Value: Bytes("x"), Lease: id}, done)
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		w.run(2 * time.Second)
		if _, err := do(w, func(done func(*LeaseKeepAliveResponse, error)) { w.client.LeaseKeepAlive(lives, done) }); err != nil {
			t.Fatal(err)
		}
	}
	if w.value("dies") != "" || w.value("lives") != "x" {
		t.Fatalf("dies=%q lives=%q", w.value("dies"), w.value("lives"))
	}
	gone, err := do(w, func(done func(*LeaseKeepAliveResponse, error)) { w.client.LeaseKeepAlive(dies, done) })
	if err != nil || gone.TTLSeconds != 0 {
		t.Fatalf("keep-alive of a lease that has ended: %+v, %v", gone, err)
	}
	left, err := do(w, func(done func(*LeaseTimeToLiveResponse, error)) { w.client.LeaseTimeToLive(lives, true, done) })
	if err != nil || left.TTLSeconds < 4 || left.GrantedTTLSeconds != 5 || !slices.Equal(left.Keys, []string{"lives"}) {
		t.Fatalf("%+v, %v", left, err)
	}
}

// A new leader does not know when a lease was last renewed: it gives each its full time again.
func TestLeasesAreExtendedAfterLeaderChange(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	id := w.grant(6)
	if _, err := do(w, func(done func(*PutResponse, error)) {
		w.client.Put(&PutRequest{Key: "a", Value: Bytes("x"), Lease: id}, done)
	}); err != nil {
		t.Fatal(err)
	}
	w.run(5 * time.Second)
	old := w.leader()
	w.machines[old].Crash()
	w.await(10*time.Second, "another leader", func() bool { x := w.leader(); return x >= 0 && x != old })
	w.run(5 * time.Second)
	if w.value("a") != "x" {
		t.Fatal("the lease ended although the new leader has just begun")
	}
	w.run(5 * time.Second)
	if w.value("a") != "" {
		t.Fatal("the lease has not ended")
	}
}

func TestRevokeDeletesTheKeysInOneRevision(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	id := w.grant(60)
	for _, key := range []string{"b", "a"} {
		if _, err := do(w, func(done func(*PutResponse, error)) {
			w.client.Put(&PutRequest{Key: key, Lease: id}, done)
		}); err != nil {
			t.Fatal(err)
		}
	}
	l, _ := w.watch(&WatchRequest{Key: "a", RangeEnd: AllKeys, PrevKV: true})
	w.run(100 * time.Millisecond)
	if _, err := do(w, func(done func(*LeaseRevokeResponse, error)) { w.client.LeaseRevoke(id, done) }); err != nil {
		t.Fatal(err)
	}
	w.run(100 * time.Millisecond)
	if len(l.events) != 2 || l.events[0].KV.Key != "a" || l.events[0].Type != Delete ||
		l.events[0].KV.ModRevision != l.events[1].KV.ModRevision {
		t.Fatalf("events %+v", l.events)
	}
}

func TestQuotaRaisesTheAlarm(t *testing.T) {
	w := newWorld(t, 1, 3, func(c *MemberConfig) { c.QuotaBytes = 200_000 })
	defer w.close()
	w.awaitLeader()
	value := Bytes(make([]byte, 10_000))
	put := func() error {
		_, err := do(w, func(done func(*PutResponse, error)) {
			w.client.Put(&PutRequest{Key: "a", Value: value}, done)
		})
		return err
	}
	var full error
	for i := 0; i < 30 && full == nil; i++ {
		full = put()
	}
	if !errors.Is(full, ErrNoSpace) {
		t.Fatalf("30 puts of 10 kB into 200 kB: %v", full)
	}
	w.run(time.Second)
	alarms, err := do(w, func(done func(*AlarmResponse, error)) { w.client.Alarm(&AlarmRequest{}, done) })
	if err != nil || len(alarms.Alarms) == 0 || alarms.Alarms[0].Type != AlarmNoSpace {
		t.Fatalf("alarms %+v, %v", alarms, err)
	}
	if err := put(); !errors.Is(err, ErrNoSpace) {
		t.Fatalf("a put under the alarm: %v", err)
	}
	if w.value("a") == "" {
		t.Fatal("reads must go on")
	}
	// The way out: compact, defragment each member, disarm.
	if _, err := do(w, func(done func(*struct{}, error)) {
		w.client.Compact(w.canonical.Revision(), func(err error) { done(nil, err) })
	}); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	for range w.members {
		if _, err := do(w, func(done func(*struct{}, error)) { w.client.Defragment(func(err error) { done(nil, err) }) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := do(w, func(done func(*AlarmResponse, error)) {
		w.client.Alarm(&AlarmRequest{Action: AlarmDeactivate}, done)
	}); err != nil {
		t.Fatal(err)
	}
	if err := put(); err != nil {
		t.Fatalf("a put after the way out: %v", err)
	}
}

func TestAutomaticCompaction(t *testing.T) {
	tests := []struct {
		name      string
		mode      CompactionMode
		retention int64
		least     int64
		most      int64
	}{
		{"by revision", CompactionRevision, 100, 450, 520},
		{"by period", CompactionPeriodic, int64(5 * time.Minute), 250, 370},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, 1, 3, func(c *MemberConfig) { c.CompactionMode, c.CompactionRetention = test.mode, test.retention })
			defer w.close()
			w.awaitLeader()
			for range 601 { // One a second for ten minutes.
				w.put("a", "x")
				w.run(time.Second - time.Duration(w.simulation.Now())%time.Second)
			}
			w.run(10 * time.Second)
			for i, m := range w.members {
				if at := m.Store().CompactRevision(); at < test.least || at > test.most {
					t.Errorf("member %d is compacted at %d of %d", i, at, m.Store().Revision())
				}
			}
		})
	}
}

func TestMembershipChanges(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.put("a", "1")
	list := func(ask func(done func(*MemberListResponse, error))) []Peer {
		t.Helper()
		r, err := do(w, ask)
		if err != nil {
			t.Fatal(err)
		}
		return r.Members
	}
	newcomer := w.peer(3)
	newcomer.Learner = true
	members := list(func(done func(*MemberListResponse, error)) { w.client.MemberAdd(newcomer, done) })
	if len(members) != 4 {
		t.Fatalf("members %+v", members)
	}
	if _, err := do(w, func(done func(*MemberListResponse, error)) { w.client.MemberPromote(memberID("m3"), done) }); !errors.Is(err, ErrLearnerNotReady) {
		t.Fatalf("promoting a learner that has not started: %v", err)
	}
	w.addMember(newcomer, members, true)
	w.await(10*time.Second, "the learner has everything", w.converged)
	list(func(done func(*MemberListResponse, error)) { w.client.MemberPromote(memberID("m3"), done) })
	w.run(time.Second)
	// A member goes for good and another one takes its place; with four voters three are needed.
	victim := (w.leader() + 1) % 3
	w.machines[victim].Crash()
	w.run(10 * time.Second)
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[w.awaitLeader()].ClientAddress})
	members = list(func(done func(*MemberListResponse, error)) {
		w.client.MemberRemove(memberID(w.configs[victim].Name), done)
	})
	if len(members) != 3 {
		t.Fatalf("members %+v", members)
	}
	w.put("a", "2")
	w.members[victim] = w.members[3] // For convergence only those that belong count.
	w.await(10*time.Second, "the members have applied the same", w.converged)
	if w.value("a") != "2" {
		t.Fatal("the put after the change is lost")
	}
}

func TestRemovedMemberLeaves(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.run(time.Second)
	out := (leader + 1) % 3
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[leader].ClientAddress})
	if _, err := do(w, func(done func(*MemberListResponse, error)) {
		w.client.MemberRemove(memberID(w.configs[out].Name), done)
	}); err != nil {
		t.Fatal(err)
	}
	w.run(5 * time.Second)
	if len(w.exits) != 1 || !errors.Is(w.exits[0], ErrRemoved) {
		t.Fatalf("exits %v", w.exits)
	}
	w.put("a", "1")
}

// Removing a healthy member must be refused where the rest could not agree.
func TestStrictReconfigurationCheck(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.machines[(leader+1)%3].Crash()
	w.run(10 * time.Second)
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[w.awaitLeader()].ClientAddress})
	_, err := do(w, func(done func(*MemberListResponse, error)) {
		w.client.MemberRemove(memberID(w.configs[(leader+2)%3].Name), done)
	})
	if !errors.Is(err, ErrUnhealthy) {
		t.Fatalf("removing one of two living members of three: %v", err)
	}
	_, err = do(w, func(done func(*MemberListResponse, error)) { w.client.MemberAdd(w.peer(3), done) })
	if !errors.Is(err, ErrUnhealthy) {
		t.Fatalf("adding a voter while one of three is down: %v", err)
	}
}

func TestMoveLeader(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.run(time.Second)
	target := (leader + 1) % 3
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[leader].ClientAddress})
	if _, err := do(w, func(done func(*struct{}, error)) {
		w.client.MoveLeader(w.members[target].ID(), func(err error) { done(nil, err) })
	}); err != nil {
		t.Fatal(err)
	}
	w.await(time.Second, "the target leads", func() bool { return w.leader() == target && !w.members[leader].IsLeader() })
	w.put("a", "1")
}

// A disk that has forgotten everything must not let its member take part again under the same name.
func TestMemberWithEmptyDiskIsRefused(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.put("a", "1")
	victim := (leader + 1) % 3
	w.machines[victim].Crash()
	d := w.machines[victim].Disk()
	for _, name := range d.List("etcd/") {
		if err := d.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	w.machines[victim].Boot()
	w.run(time.Second)
	if len(w.exits) != 1 || !errors.Is(w.exits[0], ErrBootstrapped) {
		t.Fatalf("exits %v", w.exits)
	}
}

// A leader that is told to stop hands over first, so that nobody waits for an election.
func TestShutdownHandsTheLeadershipOver(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.run(3 * time.Second)
	w.processes[leader].Do(func() { w.members[leader].Shutdown(nil) })
	w.run(300 * time.Millisecond)
	if now := w.leader(); now < 0 || now == leader || w.processes[leader].IsUp() {
		t.Fatalf("after 300 ms member %d leads, the old leader is up: %v", now, w.processes[leader].IsUp())
	}
	w.put("a", "1")
}

// A store is saved to a file and restored into a new cluster, with its history, leases and revisions.
func TestBackupIsRestoredIntoANewCluster(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	id := w.grant(3600)
	for i := range 10 {
		w.put(fmt.Sprint("key", i%3), fmt.Sprint(i))
	}
	if _, err := do(w, func(done func(*PutResponse, error)) {
		w.client.Put(&PutRequest{Key: "leased", Value: Bytes("x"), Lease: id}, done)
	}); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	saved, err := do(w, w.client.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := backup.Write(&file, saved, nil); err != nil {
		t.Fatal(err)
	}
	read, err := backup.Read(&file, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := newWorld(t, 2, 3, func(c *MemberConfig) { c.Restore = read })
	defer n.close()
	n.awaitLeader()
	if got := n.value("key0"); got != "9" {
		t.Fatalf("key0 holds %q", got)
	}
	old, err := do(n, func(done func(*RangeResponse, error)) {
		n.client.Range(&RangeRequest{Key: "key0", Revision: 2}, done)
	})
	if err != nil || len(old.KVs) != 1 || old.KVs[0].Value != Bytes("0") {
		t.Fatalf("key0 at revision 2: %+v, %v", old, err)
	}
	if r := n.put("key0", "new"); r.Header.Revision != saved.Revision()+1 {
		t.Fatalf("the first put has revision %d after %d", r.Header.Revision, saved.Revision())
	}
	if _, err := do(n, func(done func(*LeaseRevokeResponse, error)) { n.client.LeaseRevoke(id, done) }); err != nil {
		t.Fatal(err)
	}
	if got := n.value("leased"); got != "" {
		t.Fatalf("after the revocation the key holds %q", got)
	}
	n.run(time.Second)
	if !n.converged() {
		t.Fatal("the members differ")
	}
}

// Requests go to the first endpoint; while it is down to the next one; and back when it works again.
func TestClientFailsOverAndBack(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.client = NewClient(w.desk, w.network, w.clientAddresses())
	asked := func() uint64 {
		t.Helper()
		r, err := do(w, func(done func(*RangeResponse, error)) { w.client.Range(&RangeRequest{Key: "a"}, done) })
		if err != nil {
			t.Fatal(err)
		}
		return r.Header.MemberID
	}
	if got := asked(); got != w.members[0].ID() {
		t.Fatalf("member %x answered, the first is %x", got, w.members[0].ID())
	}
	w.processes[0].Restart(5 * time.Second)
	w.run(time.Second)
	if got := asked(); got != w.members[1].ID() {
		t.Fatalf("member %x answered while the first is down, the second is %x", got, w.members[1].ID())
	}
	w.run(10 * time.Second)
	asked() // Finds out that the first one works again.
	w.run(time.Second)
	if got := asked(); got != w.members[0].ID() {
		t.Fatalf("member %x answered, the first is back", got)
	}
}

// A member whose state differs is found out at its next change.
func TestDivergenceIsFoundOut(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	var found error
	w.canonical.OnViolation(func(err error) { found = err })
	w.put("a", "1")
	w.run(time.Second)
	w.members[(leader+1)%3].store.Put(&PutRequest{Key: "a", Value: Bytes("not agreed upon")}, false)
	w.put("b", "2")
	w.run(time.Second)
	if found == nil {
		t.Fatal("nobody noticed")
	}
}

// Two of three disks are lost: the store says so and stops, instead of going on with what one member has.
func TestLossOfTheMajorityIsNotHidden(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.put("a", "1")
	for i := 1; i <= 2; i++ {
		machine := w.machines[(leader+i)%3]
		machine.Crash()
		for _, name := range machine.Disk().List("etcd/") {
			if err := machine.Disk().Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		machine.Boot()
	}
	_, err := do(w, func(done func(*PutResponse, error)) {
		w.client = NewClient(w.desk, w.network, []network.Address{w.configs[leader].ClientAddress})
		w.client.Put(&PutRequest{Key: "a", Value: Bytes("2")}, done)
	})
	if !errors.Is(err, ErrTimeout) && !errors.Is(err, ErrTimeoutDueToLeaderFail) {
		t.Fatalf("a put without a majority: %v", err)
	}
	if len(w.exits) != 2 || !errors.Is(w.exits[0], ErrBootstrapped) || !errors.Is(w.exits[1], ErrBootstrapped) {
		t.Fatalf("exits %v", w.exits)
	}
}

// A disk that says it has synced when it has not: after the crash the member finds that it has forgotten what it had
// acknowledged, and stops; the others go on.
func TestLostSyncIsFoundOut(t *testing.T) {
	w := newWorld(t, 1, 3)
	defer w.close()
	leader := w.awaitLeader()
	w.put("a", "1")
	liar := (leader + 1) % 3
	w.machines[liar].Disk().LoseSync(true)
	for i := range 20 {
		w.put("a", fmt.Sprint(i))
	}
	w.run(time.Second)
	w.machines[liar].Crash()
	w.machines[liar].Disk().LoseSync(false)
	w.machines[liar].Boot()
	w.run(5 * time.Second)
	if len(w.exits) != 1 || !errors.Is(w.exits[0], ErrLostEntries) {
		t.Fatalf("exits %v", w.exits)
	}
	w.put("a", "last")
}

func TestCopiedEntryDataIsFoundOut(t *testing.T) {
	c := &Command{sizeBytes: 7}
	e := c.entry()
	if commandOf(&e) != c || entrySize(&e) != 7 {
		t.Fatal("an entry does not lead back to its command")
	}
	e.Data = bytes.Clone(e.Data)
	defer func() {
		if recover() == nil {
			t.Fatal("a copy of the data passed for the command")
		}
	}()
	commandOf(&e)
}
