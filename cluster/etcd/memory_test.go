package etcd

import (
	"fmt"
	"runtime"
	"testing"
	"time"
	"weak"
)

// heavy is a value of which one can tell whether anything still holds it.
type heavy struct{ content [100]byte }

func (v *heavy) SizeBytes() int { return len(v.content) }

// alive counts the values that something holds.
func alive(values []weak.Pointer[heavy]) (n int) {
	runtime.GC()
	runtime.GC()
	for _, v := range values {
		if v.Value() != nil {
			n++
		}
	}
	return n
}

// After a compaction nothing holds the history any more: neither a member's keyspace nor a snapshot or log on its disk, what
// raft keeps for followers, or the canonical log.
func TestCompactionLetsGoOfTheHistory(t *testing.T) {
	const keys, rounds, kept = 20, 50, 10
	w := newWorld(t, 1, 3, func(c *MemberConfig) { c.SnapshotEntries, c.CatchUpEntries = 100, kept })
	defer w.close()
	w.awaitLeader()
	var values []weak.Pointer[heavy]
	for i := range keys * rounds {
		v := &heavy{}
		values = append(values, weak.Make(v))
		if _, err := do(w, func(done func(*PutResponse, error)) {
			w.client.Put(&PutRequest{Key: fmt.Sprint("key", i%keys), Value: v}, done)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n := alive(values); n != len(values) {
		t.Fatalf("%d of %d values are held before the compaction", n, len(values))
	}
	if _, err := do(w, func(done func(*struct{}, error)) {
		w.client.Compact(w.canonical.Revision(), func(err error) { done(nil, err) })
	}); err != nil {
		t.Fatal(err)
	}
	for i := range 3 { // A snapshot is marked in the log, then a segment cut, then what is before it removed: one write each.
		w.put(fmt.Sprint("other", i), "value")
		w.run(100 * time.Millisecond)
	}
	if n := alive(values); n < keys || n > keys+kept {
		t.Errorf("%d values are held after the compaction, want those of %d keys and of at most %d entries of the log", n, keys, kept)
	}
	runtime.KeepAlive(w)
}
