package check

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/fauxkube/fauxkube/cluster/etcd"
	"github.com/fauxkube/fauxkube/sim/network"
)

// histories is how many small histories are compared; the long tests raise it to 10,000.
var histories = 300

// Porcupine searches for an order of the operations; the checker looks each up in the log. On small random histories, good
// ones and ones with a planted mistake, both come to the same:
//
//   - what has no order for porcupine is wrong for the checker
//   - what is wrong for the checker has no order once porcupine is told, too, when each write was committed
func TestPorcupineAgrees(t *testing.T) {
	counts := map[string]int{}
	for seed := range uint64(histories) {
		w := newWorld(seed, 3)
		w.story(t)
		compareWithPorcupine(t, seed, "good", w.checker, counts)
		if t.Failed() {
			w.close()
			return
		}
		planted := w.plant()
		compareWithPorcupine(t, seed, planted, w.checker, counts)
		w.close()
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%-50s %d", name, counts[name])
	}
	for _, name := range []string{"a read of the past", "another revision", "another value", "a failure taken for a success"} {
		if counts[name+": wrong"] == 0 {
			t.Errorf("%s was never found wrong", name)
		}
	}
	if counts["good: wrong"] > 0 || counts["undecided"] > histories/100 {
		t.Error("good histories are wrong, or porcupine gives up")
	}
}

// story has each client make some requests, one after the other, while something breaks.
func (w *world) story(t *testing.T) {
	t.Helper()
	for w.leader() < 0 {
		w.must(t, 100*time.Millisecond)
	}
	for _, c := range w.clients {
		left := 3 + int(w.draws.Int63n(draw, 4))
		var next func()
		next = func() {
			if left--; left >= 0 {
				c.process.After(time.Duration(w.draws.Int63n(draw, int64(3*time.Millisecond))), func() { w.request(c, next) })
			}
		}
		c.process.Do(next)
	}
	for range 3 {
		w.must(t, time.Duration(w.draws.Int63n(draw, int64(8*time.Millisecond))))
		w.disturb()
	}
	w.must(t, 2*time.Second)
	w.calm()
	w.settle(t)
}

func (w *world) must(t *testing.T, d time.Duration) {
	t.Helper()
	if err := w.run(d); err != nil {
		t.Fatal(err)
	}
}

func (w *world) leader() int {
	return slices.IndexFunc(w.members, func(m *etcd.Member) bool { return m != nil && m.Serving() && m.IsLeader() })
}

func (w *world) disturb() {
	i := int(w.draws.Int63n(draw, 3))
	switch w.draws.Int63n(draw, 4) {
	case 0:
		w.machines[i].Crash()
		w.simulation.World().After(time.Second, w.machines[i].Boot)
	case 1:
		w.processes[i].Pause()
		w.simulation.World().After(3*time.Second, w.processes[i].Resume)
	case 2:
		w.network.Partition(network.Selector{w.machines[i].Name()}, nil, network.Both)
	}
}

// request makes one request on one of two keys. Each value is written once.
func (w *world) request(c *Client, next func()) {
	key := string(rune('a' + w.draws.Int63n(draw, 2)))
	value := etcd.Bytes(fmt.Sprintf("%s-%d", c.name, len(w.checker.Operations())))
	switch w.draws.Int63n(draw, 8) {
	case 0, 1:
		c.Put(&etcd.PutRequest{Key: key, Value: value}, func(*etcd.PutResponse, error) { next() })
	case 2:
		c.Delete(&etcd.DeleteRangeRequest{Key: key}, func(*etcd.DeleteRangeResponse, error) { next() })
	case 3:
		var expected int64
		if kv := w.checker.model.keys; kv.Revision() > 1 {
			expected = w.draws.Int63n(draw, kv.Revision()+1)
		}
		c.Txn(&etcd.TxnRequest{
			Compare: []etcd.Compare{{Target: etcd.CompareModRevision, Key: key, Number: expected}},
			Success: []etcd.RequestOp{{Put: &etcd.PutRequest{Key: key, Value: value}}},
		}, func(*etcd.TxnResponse, error) { next() })
	case 4:
		c.Range(&etcd.RangeRequest{Key: "a", RangeEnd: "z"}, func(*etcd.RangeResponse, error) { next() })
	default:
		c.Range(&etcd.RangeRequest{Key: key}, func(*etcd.RangeResponse, error) { next() })
	}
}

// plant puts a mistake into an answer and says which.
func (w *world) plant() string {
	all := w.checker.Operations()
	o := all[w.draws.Int63n(draw, int64(len(all)))]
	switch r := o.Response.(type) {
	case *etcd.RangeResponse:
		return w.plantRead(o, r)
	case *etcd.PutResponse:
		o.Response = &etcd.PutResponse{Header: etcd.Header{Revision: r.Header.Revision + 1 - 2*w.draws.Int63n(draw, 2)}}
		return "another revision"
	case *etcd.DeleteRangeResponse:
		changed := *r
		changed.Deleted = 1 - r.Deleted
		o.Response = &changed
		return "another number"
	case *etcd.TxnResponse:
		changed := *r
		changed.Succeeded = !r.Succeeded
		o.Response = &changed
		return "another outcome"
	}
	if _, ok := o.Request.(*etcd.PutRequest); ok {
		o.Response, o.Err = &etcd.PutResponse{Header: etcd.Header{Revision: o.returned + w.draws.Int63n(draw, 2)}}, nil
		return "a failure taken for a success"
	}
	return "none"
}

func (w *world) plantRead(o *Operation, r *etcd.RangeResponse) string {
	changed := *r
	o.Response = &changed
	switch w.draws.Int63n(draw, 3) {
	case 0: // As it would have been right some time ago.
		at := 1 + w.draws.Int63n(draw, r.Header.Revision)
		past, err := w.checker.model.at(o.Request.(*etcd.RangeRequest), at)
		if err != nil {
			panic(err)
		}
		o.Response = past
		return "a read of the past"
	case 1:
		changed.Header.Revision += 1 - 2*w.draws.Int63n(draw, 2)
		return "another revision"
	}
	changed.KVs = nil
	for _, kv := range r.KVs {
		other := *kv
		other.Value = etcd.Bytes("something else")
		changed.KVs = append(changed.KVs, &other)
	}
	return "another value"
}

func compareWithPorcupine(t *testing.T, seed uint64, name string, k *Checker, counts map[string]int) {
	t.Helper()
	var wrong error
	for _, o := range k.Operations() {
		if err := k.judge(o); err != nil {
			wrong = err
		}
	}
	free, pinned := search(k.Operations(), false), search(k.Operations(), true)
	switch {
	case free == porcupine.Unknown || pinned == porcupine.Unknown:
		counts["undecided"]++
		return
	case free == porcupine.Illegal && wrong == nil:
		t.Errorf("seed %d, %s: there is no order, and the checker found nothing wrong", seed, name)
	case (wrong != nil) != (pinned == porcupine.Illegal):
		t.Errorf("seed %d, %s: the checker says %v, porcupine with the commits known %v", seed, name, wrong, pinned)
	}
	if wrong != nil {
		counts[name+": wrong"]++
	} else {
		counts[name+": right"]++
	}
	if free == porcupine.Illegal {
		counts[name+": no order"]++
	}
}

// search asks porcupine for an order. Requests that failed may be done at any time after their call, or never: then they
// come last. pinned tells it when each write was committed.
func search(all []*Operation, pinned bool) porcupine.CheckResult {
	var history []porcupine.Operation
	for i, o := range all {
		x := porcupine.Operation{ClientId: i, Input: o.Request, Output: o, Call: o.Call, Return: o.Return}
		if o.Err != nil || o.Return == 0 {
			if isRead(o.Request) {
				continue
			}
			x.Return = math.MaxInt64
		}
		if pinned && !isRead(o.Request) {
			if o.Commit == 0 && o.Err != nil {
				continue // It never happened.
			}
			if o.Commit == 0 || o.Commit < x.Call || o.Commit > x.Return {
				return porcupine.Illegal
			}
			x.Call, x.Return = o.Commit, o.Commit
		}
		history = append(history, x)
	}
	return porcupine.CheckOperationsTimeout(sequential, history, 10*time.Second)
}

// state is the keyspace for porcupine, written down as simply as possible.
type state struct {
	revision int64
	keys     map[string]etcd.KeyValue
}

var sequential = porcupine.Model{
	Init: func() any { return state{1, map[string]etcd.KeyValue{}} },
	Step: func(s, _, output any) (bool, any) { return s.(state).step(output.(*Operation)) },
	Equal: func(a, b any) bool {
		return a.(state).revision == b.(state).revision && maps.Equal(a.(state).keys, b.(state).keys)
	},
}

func (s state) step(o *Operation) (bool, any) {
	unknown := o.Err != nil || o.Return == 0
	switch r := o.Request.(type) {
	case *etcd.PutRequest:
		s = s.put(r)
		return unknown || o.Response.(*etcd.PutResponse).Header.Revision == s.revision, s
	case *etcd.DeleteRangeRequest:
		s, deleted := s.delete(r.Key)
		if unknown {
			return true, s
		}
		got := o.Response.(*etcd.DeleteRangeResponse)
		return got.Header.Revision == s.revision && got.Deleted == deleted, s
	case *etcd.TxnRequest:
		succeeds := s.keys[r.Compare[0].Key].ModRevision == r.Compare[0].Number
		if succeeds {
			s = s.put(r.Success[0].Put)
		}
		if unknown {
			return true, s
		}
		got := o.Response.(*etcd.TxnResponse)
		return got.Header.Revision == s.revision && got.Succeeded == succeeds, s
	case *etcd.RangeRequest:
		return s.reads(r, o.Response.(*etcd.RangeResponse)), s
	}
	panic("no such request")
}

func (s state) put(r *etcd.PutRequest) state {
	kv := etcd.KeyValue{Key: r.Key, Value: r.Value, CreateRevision: s.revision + 1, ModRevision: s.revision + 1, Version: 1}
	if old, ok := s.keys[r.Key]; ok {
		kv.CreateRevision, kv.Version = old.CreateRevision, old.Version+1
	}
	next := state{s.revision + 1, maps.Clone(s.keys)}
	next.keys[r.Key] = kv
	return next
}

func (s state) delete(key string) (state, int64) {
	if _, ok := s.keys[key]; !ok {
		return s, 0
	}
	next := state{s.revision + 1, maps.Clone(s.keys)}
	delete(next.keys, key)
	return next, 1
}

func (s state) reads(r *etcd.RangeRequest, got *etcd.RangeResponse) bool {
	var want []etcd.KeyValue
	for _, key := range slices.Sorted(maps.Keys(s.keys)) {
		if key == r.Key || r.RangeEnd != "" {
			want = append(want, s.keys[key])
		}
	}
	if got.Header.Revision != s.revision || len(got.KVs) != len(want) {
		return false
	}
	for i := range want {
		if *got.KVs[i] != want[i] {
			return false
		}
	}
	return true
}
