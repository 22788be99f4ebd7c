//go:build long

package mvcc

import (
	"fmt"
	"runtime"
	"testing"
)

// heapBytes is what is alive.
func heapBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A million keys of 40 bytes with values of 100 bytes, each written five times: one store below 1.5 GiB, three that share
// the values below 3 GiB, and most of it comes back with a compaction.
func TestMillionKeysFitIntoMemory(t *testing.T) {
	const keys, writes = 1_000_000, 5
	before := heapBytes()
	stores := []*Store{New(nil), New(nil), New(nil)}
	fill := func(members []*Store) {
		for i := range keys * writes {
			key := fmt.Sprintf("/registry/some/namespace/and/key-%07d", i%keys)
			r := &PutRequest{Key: key, Value: Bytes(fmt.Sprintf("%0100d", i))}
			for _, s := range members {
				s.Put(r, false)
			}
		}
	}
	fill(stores[:1])
	one := heapBytes() - before
	t.Logf("one store: %d MiB", one>>20)
	if one > 3<<29 {
		t.Errorf("one store takes %d MiB", one>>20)
	}
	stores[0].Compact(stores[0].Revision())
	compacted := heapBytes() - before
	t.Logf("compacted: %d MiB", compacted>>20)
	if compacted > one/2 {
		t.Errorf("after the compaction %d of %d MiB are left", compacted>>20, one>>20)
	}
	stores[0] = New(nil)
	fill(stores)
	three := heapBytes() - before
	t.Logf("three stores: %d MiB", three>>20)
	if three > 3<<30 {
		t.Errorf("three stores take %d MiB", three>>20)
	}
	runtime.KeepAlive(stores)
}
