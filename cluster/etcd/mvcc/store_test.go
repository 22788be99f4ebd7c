package mvcc

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// leaseSet implements Leases for tests and remembers what is attached.
type leaseSet struct {
	exists   map[int64]bool
	attached map[string]int64
}

func newLeaseSet(ids ...int64) *leaseSet {
	l := &leaseSet{map[int64]bool{}, map[string]int64{}}
	for _, id := range ids {
		l.exists[id] = true
	}
	return l
}

func (l *leaseSet) Exists(id int64) bool        { return l.exists[id] }
func (l *leaseSet) Attach(id int64, key string) { l.attached[key] = id }
func (l *leaseSet) Detach(id int64, key string) {
	if l.attached[key] == id {
		delete(l.attached, key)
	}
}

var (
	genKey   = rapid.SampledFrom([]string{"a", "b", "bb", "c", "d", "e"})
	genEnd   = rapid.SampledFrom([]string{"", "", "b", "c", "f", AllKeys})
	genValue = rapid.Map(rapid.IntRange(0, 9), func(i int) Value { return Bytes(fmt.Sprint("v", i)) })
)

func genPut(t *rapid.T) *PutRequest {
	r := &PutRequest{Key: genKey.Draw(t, "key"), PrevKV: rapid.Bool().Draw(t, "prevKV")}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		r.IgnoreValue = true
	case 1:
		r.IgnoreLease, r.Value = true, genValue.Draw(t, "value")
	default:
		r.Value = genValue.Draw(t, "value")
		r.Lease = rapid.SampledFrom([]int64{0, 0, 1, 2, 3}).Draw(t, "lease")
	}
	return r
}

func genRange(t *rapid.T, newest int64) *RangeRequest {
	r := &RangeRequest{
		Key: genKey.Draw(t, "key"), RangeEnd: genEnd.Draw(t, "end"),
		Limit:      rapid.Int64Range(0, 3).Draw(t, "limit"),
		SortTarget: SortTarget(rapid.IntRange(0, 4).Draw(t, "target")),
		SortOrder:  SortOrder(rapid.IntRange(0, 2).Draw(t, "order")),
		KeysOnly:   rapid.Bool().Draw(t, "keysOnly"),
		CountOnly:  rapid.IntRange(0, 4).Draw(t, "countOnly") == 0,
	}
	if rapid.Bool().Draw(t, "old") {
		r.Revision = rapid.Int64Range(0, newest+1).Draw(t, "revision")
	}
	bounds := []*int64{&r.MinModRevision, &r.MaxModRevision, &r.MinCreateRevision, &r.MaxCreateRevision}
	for range rapid.IntRange(0, 2).Draw(t, "filters") {
		*rapid.SampledFrom(bounds).Draw(t, "bound") = rapid.Int64Range(0, newest).Draw(t, "filter")
	}
	return r
}

func genCompare(t *rapid.T, newest int64) Compare {
	c := Compare{
		Target: CompareTarget(rapid.IntRange(0, 4).Draw(t, "target")),
		Result: CompareResult(rapid.IntRange(0, 3).Draw(t, "result")),
		Key:    genKey.Draw(t, "key"), RangeEnd: genEnd.Draw(t, "end"), Value: genValue.Draw(t, "value"),
	}
	if c.Target == CompareLease || c.Target == CompareVersion {
		newest = 3
	}
	c.Number = rapid.Int64Range(0, newest).Draw(t, "number")
	return c
}

func genOp(t *rapid.T, newest int64, depth int) RequestOp {
	switch rapid.IntRange(0, 3+min(depth, 1)).Draw(t, "op") {
	case 0:
		return RequestOp{Range: genRange(t, newest)}
	case 1, 2:
		return RequestOp{Put: genPut(t)}
	case 3:
		return RequestOp{DeleteRange: genDelete(t)}
	default:
		return RequestOp{Txn: genTxn(t, newest, depth-1)}
	}
}

func genDelete(t *rapid.T) *DeleteRangeRequest {
	return &DeleteRangeRequest{
		Key: genKey.Draw(t, "key"), RangeEnd: genEnd.Draw(t, "end"), PrevKV: rapid.Bool().Draw(t, "prevKV"),
	}
}

func genTxn(t *rapid.T, newest int64, depth int) *TxnRequest {
	r := &TxnRequest{}
	for range rapid.IntRange(0, 2).Draw(t, "compares") {
		r.Compare = append(r.Compare, genCompare(t, newest))
	}
	for range rapid.IntRange(0, 3).Draw(t, "then") {
		r.Success = append(r.Success, genOp(t, newest, depth))
	}
	for range rapid.IntRange(0, 2).Draw(t, "else") {
		r.Failure = append(r.Failure, genOp(t, newest, depth))
	}
	return r
}

var ignoreEmpty = cmpopts.EquateEmpty()

func mustEqual(t *rapid.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, ignoreEmpty); diff != "" {
		t.Fatalf("%s differs from the twin (-twin +store):\n%s", what, diff)
	}
}

// pair runs the same operations on a store and its twin.
type pair struct {
	store  *Store
	twin   *twin
	leases *leaseSet
}

func (p *pair) step(t *rapid.T) {
	newest := p.store.Revision()
	switch rapid.IntRange(0, 9).Draw(t, "action") {
	case 0, 1, 2:
		r := genPut(t)
		if r.Check() != nil {
			return
		}
		want, wantErr := p.twin.Put(r)
		got, err := p.store.Put(r, true)
		mustEqual(t, "put", []any{want, wantErr == nil}, []any{got, err == nil})
	case 3:
		r := genDelete(t)
		mustEqual(t, "delete", p.twin.DeleteRange(r), p.store.DeleteRange(r, true))
	case 4, 5, 6:
		p.txn(t, genTxn(t, newest, 2))
	case 7, 8:
		r := genRange(t, newest)
		want, wantErr := p.twin.Range(r)
		got, err := p.store.Range(r)
		mustEqual(t, "range", []any{want, wantErr == nil}, []any{got, err == nil})
	default:
		revision := rapid.Int64Range(0, newest+1).Draw(t, "compact")
		wantErr := p.twin.Compact(revision)
		if _, _, err := p.store.Compact(revision); err != wantErr {
			t.Fatalf("compact %d: twin %v, store %v", revision, wantErr, err)
		}
	}
}

func (p *pair) txn(t *rapid.T, r *TxnRequest) {
	if r.Check(128) != nil {
		return
	}
	want, wantErr := p.twin.Txn(r)
	got, err := p.store.Txn(r, true)
	if err != wantErr {
		t.Fatalf("txn: twin %v, store %v", wantErr, err)
	}
	mustEqual(t, "txn", want, got)
}

func (p *pair) check(t *rapid.T) {
	first := max(p.twin.compacted, 1)
	var events []Event
	for _, r := range p.store.Records(first) {
		events = append(events, r.Event(true))
	}
	mustEqual(t, "events", p.twin.events(first), events)
	attached := map[string]int64{}
	for key, kv := range p.twin.states[p.twin.revision()] {
		if kv.Lease != 0 {
			attached[key] = kv.Lease
		}
	}
	mustEqual(t, "attached keys", attached, p.leases.attached)
	for revision := first; revision <= p.twin.revision(); revision++ {
		r := &RangeRequest{Key: AllKeys, RangeEnd: AllKeys, Revision: revision}
		want, _ := p.twin.Range(r)
		got, err := p.store.Range(r)
		if err != nil {
			t.Fatalf("range at %d: %v", revision, err)
		}
		mustEqual(t, fmt.Sprint("the state at ", revision), want, got)
	}
}

func newPair() *pair {
	leases := newLeaseSet(1, 2)
	return &pair{store: New(leases), twin: newTwin(leases.exists), leases: leases}
}

func TestStoreEqualsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPair()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			p.step(t)
		}
		p.check(t)
	})
}

// A store restored from a snapshot goes on exactly as the original, and neither disturbs the other.
func TestRestoredStoreEqualsOriginal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPair()
		for range rapid.IntRange(1, 20).Draw(t, "before") {
			p.step(t)
		}
		snapshot := p.store.Snapshot()
		if rapid.Bool().Draw(t, "clone") {
			snapshot = snapshot.Clone()
		}
		hash, first, err := p.store.HashKV(0)
		restored := Restore(snapshot, newLeaseSet(1, 2))
		hash2, first2, err2 := restored.HashKV(0)
		if err != err2 || hash != hash2 || first != first2 {
			t.Fatalf("hash %x@%d (%v) became %x@%d (%v)", hash, first, err, hash2, first2, err2)
		}
		for range rapid.IntRange(1, 20).Draw(t, "after") {
			p.step(t)
		}
		p.check(t)
		if restored.Revision() != snapshot.Revision() || restored.SizeBytes() != snapshot.SizeBytes() {
			t.Fatalf("the restored store moved with the original")
		}
		state, err := restored.Range(&RangeRequest{Key: AllKeys, RangeEnd: AllKeys})
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "restored state",
			rangeIn(p.twin.states[snapshot.Revision()], &RangeRequest{Key: AllKeys, RangeEnd: AllKeys}, snapshot.Revision()), state)
	})
}

// The size is the same however the store came to its state, and compaction of everything leaves the living keys.
func TestSizeFollowsCompaction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPair()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			p.step(t)
		}
		for range 2 { // The second revision removes the tombstones that the first had to keep.
			p.store.Put(&PutRequest{Key: "z", Value: Bytes("last")}, false)
			p.twin.Put(&PutRequest{Key: "z", Value: Bytes("last")})
		}
		if _, _, err := p.store.Compact(p.store.Revision()); err != nil {
			t.Fatal(err)
		}
		var want int64
		for _, kv := range p.twin.states[p.twin.revision()] {
			want += int64(kv.SizeBytes())
		}
		if got := p.store.SizeBytes(); got != want {
			t.Fatalf("size after compaction is %d, the living keys have %d", got, want)
		}
		if keys := len(p.twin.states[p.twin.revision()]); p.store.Keys() != keys {
			t.Fatalf("%d keys in the index, %d are alive", p.store.Keys(), keys)
		}
	})
}

// Without a response, which is how followers apply, the state becomes the same.
func TestApplyWithoutResponse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := New(newLeaseSet(1, 2)), New(newLeaseSet(1, 2))
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			r := genTxn(t, a.Revision(), 2)
			if r.Check(128) != nil {
				continue
			}
			a.Txn(r, true)
			b.Txn(r, false)
		}
		x, _, _ := a.HashKV(0)
		y, _, _ := b.HashKV(0)
		if x != y {
			t.Fatalf("hashes %x and %x", x, y)
		}
	})
}

// Stores that differ in anything have different hashes; what compaction has taken does not count.
func TestHashTellsStoresApart(t *testing.T) {
	build := func(value Bytes, lease int64, versions int) *Store {
		s := New(newLeaseSet(1, 2))
		for range versions {
			s.Put(&PutRequest{Key: "a", Value: value, Lease: lease}, false)
		}
		return s
	}
	hash := func(s *Store) uint64 {
		h, _, err := s.HashKV(0)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	base := hash(build("x", 1, 2))
	if hash(build("x", 1, 2)) != base {
		t.Error("equal stores have different hashes")
	}
	for what, other := range map[string]*Store{"value": build("y", 1, 2), "lease": build("x", 2, 2), "version": build("x", 1, 3)} {
		if hash(other) == base {
			t.Errorf("another %s has the same hash", what)
		}
	}
}
