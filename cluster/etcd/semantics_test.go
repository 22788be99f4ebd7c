package etcd

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

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
	strict, _ = w.watch(&WatchRequest{Key: "a", RequireLeader: true})
	lax, _ = w.watch(&WatchRequest{Key: "a"})
	w.run(100 * time.Millisecond)
	if !errors.Is(strict.closed, ErrNoLeader) || lax.closed != nil {
		t.Fatalf("a new one, leader required: %v, not required: %v", strict.closed, lax.closed)
	}
}

// A watch without events hears how far it is after each interval, the first time too; one that has had events since the
// last time hears nothing.
func TestProgressNotifications(t *testing.T) {
	const interval = 5 * time.Second
	w := newWorld(t, 1, 3, func(c *MemberConfig) { c.WatchProgressInterval = interval })
	defer w.close()
	w.awaitLeader()
	quiet, _ := w.watch(&WatchRequest{Key: "a", ProgressNotify: true})
	busy, _ := w.watch(&WatchRequest{Key: "b", ProgressNotify: true})
	silent, _ := w.watch(&WatchRequest{Key: "a"})
	w.run(interval - time.Millisecond)
	if n := len(quiet.progress); n > 0 {
		t.Fatalf("progress %v too early", quiet.progress)
	}
	w.run(interval/10 + 2*time.Millisecond)
	if n := len(quiet.progress); n != 1 {
		t.Fatalf("progress %v after the first interval", quiet.progress)
	}
	for range 16 {
		w.put("b", "1")
		w.run(time.Second)
	}
	if n := len(quiet.progress); n < 3 || n > 4 || quiet.progress[n-1] < 15 {
		t.Fatalf("progress %v in 21 s", quiet.progress)
	}
	if len(busy.progress) > 1 || len(silent.progress) > 0 {
		t.Fatalf("progress %v of a watch with events, %v of one that did not ask", busy.progress, silent.progress)
	}
}

// Watches that are behind catch up 512 at a time, one group after the other as long as that helps.
func TestManyWatchesCatchUpAtOnce(t *testing.T) {
	w := newWorld(t, 1, 1)
	defer w.close()
	w.awaitLeader()
	w.put("a", "1")
	var all []*listener
	for range 2000 {
		l, _ := w.watch(&WatchRequest{Key: "a", StartRevision: 1})
		all = append(all, l)
	}
	w.run(150 * time.Millisecond)
	for i, l := range all {
		if len(l.events) != 1 {
			t.Fatalf("watch %d of %d has %d events after one interval", i, len(all), len(l.events))
		}
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
