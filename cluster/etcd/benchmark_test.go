package etcd

import (
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"github.com/fauxkube/fauxkube/sim"
	"github.com/fauxkube/fauxkube/sim/host"
	"github.com/fauxkube/fauxkube/sim/network"
)

// gcPercent is what cmd/fauxkube sets.
const gcPercent = 400

// reportSpeed reports simulated seconds and steps per host second.
func reportSpeed(b *testing.B, w *world, since sim.Time, steps uint64, operations int) {
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(w.simulation.Now().Sub(since).Seconds()/seconds, "simulated-s/s")
	b.ReportMetric(float64(operations)/seconds, "puts/s")
	b.ReportMetric(float64(w.simulation.Steps()-steps)/float64(max(operations, 1)), "steps/put")
}

// writer is a client that always has one put under way.
type writer struct {
	client  *Client
	request *PutRequest
	count   *int
	failed  *int
}

func (x *writer) next(_ *PutResponse, err error) {
	if err != nil {
		*x.failed++
	}
	*x.count++
	x.client.Put(x.request, x.next)
}

// BenchmarkPutThreeMembersThousandClients: every client has one put under way, all the time.
func BenchmarkPutThreeMembersThousandClients(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	w := newWorld(b, 1, 3)
	defer w.close()
	w.awaitLeader()
	var count, failed int
	for i := range 1000 {
		p := w.desk
		if i%100 == 0 {
			p = host.NewMachine(w.simulation, host.Config{Name: fmt.Sprint("load", i)}).Spawn("client", func(*host.Process) {})
			w.desk = p
			w.client = NewClient(p, w.network, w.clientAddresses())
			w.client.InTurn = true
		}
		x := &writer{w.client, &PutRequest{Key: fmt.Sprintf("/registry/key-%04d", i), Value: Bytes("0123456789")}, &count, &failed}
		p.Do(func() { x.next(nil, nil) })
	}
	w.run(2 * time.Second)
	count = 0
	since, steps := w.simulation.Now(), w.simulation.Steps()
	b.ReportAllocs()
	b.ResetTimer()
	for count < b.N {
		w.run(time.Millisecond)
	}
	b.StopTimer()
	if failed > 0 {
		b.Fatalf("%d puts failed", failed)
	}
	reportSpeed(b, w, since, steps, count)
}

// BenchmarkPutUnbatched: one put at a time, so that nothing is shared.
func BenchmarkPutUnbatched(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	w := newWorld(b, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[w.leader()].ClientAddress})
	var count, failed int
	x := &writer{w.client, &PutRequest{Key: "/registry/key", Value: Bytes("0123456789")}, &count, &failed}
	w.desk.Do(func() { x.next(nil, nil) })
	w.run(time.Second)
	count = 0
	since, steps := w.simulation.Now(), w.simulation.Steps()
	b.ReportAllocs()
	b.ResetTimer()
	for count < b.N {
		w.run(10 * time.Millisecond)
	}
	b.StopTimer()
	reportSpeed(b, w, since, steps, count)
}

// BenchmarkIdle: nobody asks for anything; b.N simulated seconds.
func BenchmarkIdle(b *testing.B) {
	w := newWorld(b, 1, 3)
	defer w.close()
	w.awaitLeader()
	since, steps := w.simulation.Now(), w.simulation.Steps()
	b.ReportAllocs()
	b.ResetTimer()
	w.run(time.Duration(b.N) * time.Second)
	b.StopTimer()
	reportSpeed(b, w, since, steps, b.N)
}

// BenchmarkThousandLeases: 1000 nodes renew their leases every 10 s; b.N simulated seconds.
func BenchmarkThousandLeases(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	w := newWorld(b, 1, 3)
	defer w.close()
	w.awaitLeader()
	w.client = NewClient(w.desk, w.network, []network.Address{w.configs[w.leader()].ClientAddress})
	l, _ := w.watch(&WatchRequest{Key: "/registry/leases/", RangeEnd: "/registry/leases0", PrevKV: true})
	puts := 0
	for i := range 1000 {
		r := &PutRequest{Key: fmt.Sprintf("/registry/leases/kube-node-lease/node-%04d", i), Value: Bytes("0123456789")}
		var renew func()
		renew = func() {
			puts++
			w.client.Put(r, func(*PutResponse, error) {})
			w.desk.After(10*time.Second, renew)
		}
		w.desk.Do(func() { w.desk.After(time.Duration(i)*10*time.Millisecond, renew) })
	}
	w.run(20 * time.Second)
	puts = 0
	l.events = nil
	since, steps := w.simulation.Now(), w.simulation.Steps()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		w.run(time.Second)
		l.events = l.events[:0]
	}
	b.StopTimer()
	reportSpeed(b, w, since, steps, puts)
}

// counter counts events.
type counter struct{ n int }

func (c *counter) Events(r *WatchResponse) { c.n += len(r.Events) }
func (c *counter) Closed(err error)        { panic(err) }

// BenchmarkWatchFanOut: a thousand watchers of one prefix; b.N events delivered.
func BenchmarkWatchFanOut(b *testing.B) {
	w := newWorld(b, 1, 1)
	defer w.close()
	w.awaitLeader()
	c := &counter{}
	w.desk.Do(func() {
		for range 1000 {
			w.client.Watch(&WatchRequest{Key: "/a/", RangeEnd: "/a0"}, c)
		}
	})
	w.run(time.Second)
	b.ReportAllocs()
	b.ResetTimer()
	for c.n < b.N {
		w.desk.Do(func() {
			for range 10 {
				w.client.Put(&PutRequest{Key: "/a/b", Value: Bytes("0123456789")}, func(*PutResponse, error) {})
			}
		})
		w.run(100 * time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(c.n)/b.Elapsed().Seconds(), "events/s")
}
