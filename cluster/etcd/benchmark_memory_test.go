package etcd

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// filler is a client that writes a range of keys several times over, one put at a time.
type filler struct {
	w                  *world
	next, first, after int
	round, rounds      int
	left               *int
}

func (x *filler) put(_ *PutResponse, err error) {
	if err != nil {
		panic(err)
	}
	if x.next == x.after {
		if x.round++; x.round == x.rounds {
			*x.left--
			return
		}
		x.next = x.first
	}
	r := &PutRequest{
		Key:   fmt.Sprintf("/registry/some/namespace/and/key-%07d", x.next),
		Value: Bytes(fmt.Sprintf("%0100d", x.round*1_000_000+x.next)),
	}
	x.next++
	x.w.client.Put(r, x.put)
}

// fill writes keys of 40 bytes with values of 100 bytes, each several times, from 1000 clients.
func (w *world) fill(keys, rounds int) {
	const clients = 1000
	left := clients
	for i := range clients {
		x := &filler{w: w, first: i * keys / clients, after: (i + 1) * keys / clients, rounds: rounds, left: &left}
		x.next = x.first
		w.desk.Do(func() { x.put(nil, nil) })
	}
	for left > 0 {
		w.run(100 * time.Millisecond)
	}
}

// liveMiB is what is alive.
func liveMiB() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// BenchmarkMillionKeys: a million keys of 40 bytes with values of 100 bytes, each written five times. What one member
// keeps, and three that share the values, with all history; and what is left of it after a compaction.
func BenchmarkMillionKeys(b *testing.B) {
	for _, c := range []struct {
		members  int
		limitMiB float64
	}{{1, 1536}, {3, 3072}} {
		b.Run(fmt.Sprint(c.members), func(b *testing.B) {
			for range b.N {
				before := liveMiB()
				w := newWorld(b, 1, c.members)
				w.awaitLeader()
				w.fill(1_000_000, 5)
				full := liveMiB() - before
				if _, err := do(w, func(done func(*struct{}, error)) {
					w.client.Compact(w.canonical.Revision(), func(err error) { done(nil, err) })
				}); err != nil {
					b.Fatal(err)
				}
				for i := range 10 { // The next writes bring the snapshot without the history, and let go of the one before.
					w.put(fmt.Sprint("key", i), "value")
				}
				w.run(time.Second)
				compacted := liveMiB() - before
				b.ReportMetric(full, "MiB")
				b.ReportMetric(compacted, "MiB-compacted")
				if full > c.limitMiB || compacted > full/2 {
					b.Errorf("%.0f MiB, %.0f after the compaction; want less than %.0f, and less than half of it", full, compacted, c.limitMiB)
				}
				runtime.KeepAlive(w)
				w.close()
			}
		})
	}
}
