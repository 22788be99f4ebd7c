package etcd

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fauxkube/fauxkube/sim"
)

// model is the store as the canonical log tells it: the state at every revision. Responses are checked against it.
type model struct {
	canonical *Canonical
	// states and events are by revision; states[1] is the empty store.
	states []map[string]KeyValue
	events [][]Event
	times  []sim.Time
	errs   []error
}

func newModel(c *Canonical) *model {
	m := &model{canonical: c, states: []map[string]KeyValue{{}, {}}, events: make([][]Event, 2), times: make([]sim.Time, 2)}
	c.Subscribe(m.commit)
	return m
}

func (m *model) newest() int64 { return int64(len(m.states)) - 1 }

func (m *model) fault(format string, args ...any) {
	m.errs = append(m.errs, fmt.Errorf(format, args...))
}

func (m *model) err() error { return errors.Join(m.errs...) }

// commit plays a revision. The events must fit the state: revisions without gaps, versions that count, previous states
// that were there.
func (m *model) commit(c Commit) {
	if c.Revision != m.newest()+1 {
		m.fault("revision %d follows revision %d", c.Revision, m.newest())
	}
	state := maps.Clone(m.states[m.newest()])
	for _, e := range c.Events {
		m.play(state, e, c.Revision)
	}
	m.states, m.events, m.times = append(m.states, state), append(m.events, c.Events), append(m.times, c.Time)
}

func (m *model) play(state map[string]KeyValue, e Event, revision int64) {
	before, existed := state[e.KV.Key]
	if e.KV.ModRevision != revision || existed != (e.PrevKV != nil) || existed && *e.PrevKV != before {
		m.fault("event %v %+v with previous %+v at revision %d does not fit %+v", e.Type, *e.KV, e.PrevKV, revision, before)
	}
	if e.Type == Delete {
		delete(state, e.KV.Key)
		return
	}
	create, version := revision, int64(1)
	if existed {
		create, version = before.CreateRevision, before.Version+1
	}
	if e.KV.CreateRevision != create || e.KV.Version != version {
		m.fault("put %+v at revision %d has the wrong creation or version", *e.KV, revision)
	}
	state[e.KV.Key] = *e.KV
}

// operation is a request of a client and when it was under way, in revisions that were known to be committed.
type operation struct {
	kind     string
	called   int64
	returned bool
	err      error
}

func (o *operation) String() string {
	return fmt.Sprintf("%s called at revision %d", o.kind, o.called)
}

// checkRead compares what a range returned with the state at the revision that it names. A linearizable read must name
// one that is not older than what was committed when it was called.
func (m *model) checkRead(o *operation, r *RangeRequest, got *RangeResponse) {
	revision := got.Header.Revision
	if revision > m.newest() || !r.Serializable && revision < o.called {
		m.fault("%v answered with revision %d, now is %d", o, revision, m.newest())
		return
	}
	state := m.states[revision]
	if r.Revision > 0 {
		state = m.states[r.Revision]
	}
	var want []string
	for _, key := range slices.Sorted(maps.Keys(state)) {
		if r.RangeEnd == "" && key == r.Key || r.RangeEnd != "" && key >= r.Key {
			want = append(want, describe(state[key]))
		}
	}
	var have []string
	for _, kv := range got.KVs {
		have = append(have, describe(*kv))
	}
	if !slices.Equal(want, have) {
		m.fault("%v of %q at revision %d returned\n\t%s\ninstead of\n\t%s", o, r.Key, revision, strings.Join(have, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func describe(kv KeyValue) string {
	return fmt.Sprintf("%s=%v created %d modified %d version %d lease %d", kv.Key, kv.Value, kv.CreateRevision, kv.ModRevision, kv.Version, kv.Lease)
}

// checkWrite verifies that an acknowledged write is at the revision that it names, after the call and by now.
func (m *model) checkWrite(o *operation, revision int64, key string, value Value) {
	if revision <= o.called || revision > m.newest() {
		m.fault("%v answered with revision %d, now is %d", o, revision, m.newest())
		return
	}
	for _, e := range m.events[revision] {
		if e.Type == Put && e.KV.Key == key && e.KV.Value == value {
			return
		}
	}
	m.fault("%v of %s=%v is not among the events of revision %d: %v", o, key, value, revision, m.events[revision])
}

// checkTxn verifies a transaction that puts a key if its revision is the expected one.
func (m *model) checkTxn(o *operation, key string, expected int64, value Value, got *TxnResponse) {
	revision := got.Header.Revision
	if got.Succeeded {
		m.checkWrite(o, revision, key, value)
		if before := m.states[revision-1][key].ModRevision; before != expected {
			m.fault("%v succeeded at revision %d, where %s had been modified at %d, not %d", o, revision, key, before, expected)
		}
		return
	}
	if revision < o.called || revision > m.newest() {
		m.fault("%v failed with revision %d, now is %d", o, revision, m.newest())
		return
	}
	if now := m.states[revision][key].ModRevision; now == expected {
		m.fault("%v failed at revision %d although %s was modified at %d as expected", o, revision, key, now)
	}
}

// checkWatch verifies that a watcher of everything from a revision on has seen exactly the history from there.
func (m *model) checkWatch(from int64, got []Event, complete bool) {
	var want []Event
	for revision := from; revision <= m.newest(); revision++ {
		want = append(want, m.events[revision]...)
	}
	if len(got) > len(want) || complete && len(got) < len(want) {
		m.fault("a watch from %d has %d events of %d", from, len(got), len(want))
		return
	}
	for i, e := range got {
		if e.Type != want[i].Type || *e.KV != *want[i].KV {
			m.fault("event %d of a watch from %d is %v %+v instead of %v %+v", i, from, e.Type, *e.KV, want[i].Type, *want[i].KV)
			return
		}
	}
}
